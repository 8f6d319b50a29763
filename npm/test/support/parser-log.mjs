import { createParser } from 'ssecast'

/** Makes a parser and the list of what it said, in its order. Blocks that only set the id say nothing. */
export function logged(options = {}) {
  const log = []
  const parser = createParser({
    onEvent: event => log.push(event),
    onComment: comment => log.push({ comment }),
    onRetry: retry => log.push({ retry }),
    ...options,
  })
  return { log, parser }
}

/** Cuts bytes or a string into pieces, with the sizes used in turn. */
export function* cut(input, sizes) {
  const piece = typeof input === 'string' ? 'slice' : 'subarray'
  for (let at = 0, turn = 0; at < input.length; at += sizes[turn++ % sizes.length]) {
    yield input[piece](at, at + sizes[turn % sizes.length])
  }
}

/** Numbers that look random and are the same on every run. */
export function random(seed) {
  return below => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
}

/** Everything that can be seen of a stream that is fed in these chunks. */
export function outcome(chunks, options, end) {
  const { log, parser } = logged(options)
  let code
  try {
    for (const chunk of chunks) parser.feed(chunk)
    if (end) parser.reset(end)
  } catch (error) {
    code = error.code
  }
  // Half a pair of surrogates is no UTF-8: where strings keep it, bytes have U+FFFD.
  const wellFormed = item => Object.fromEntries(Object.entries(item).map(([name, text]) => [name, text?.toWellFormed?.() ?? text]))
  return { log: log.map(wellFormed), code, lastEventId: parser.lastEventId.toWellFormed() }
}
