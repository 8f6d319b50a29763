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
