// What the parser does, by the shared vectors and by any cut of any stream: for every runtime, and so without anything of one.

const encoder = new TextEncoder()

/** The bytes of a vector's text; tests/vectors/README.md says what it may be. */
function bytes(part) {
  if (Array.isArray(part)) return joined(part.map(bytes))
  if (typeof part === 'string') return encoder.encode(part)
  if (part.hex !== undefined) return Uint8Array.from(part.hex.split(' '), byte => Number.parseInt(byte, 16))
  const one = bytes(part.repeat)
  const all = new Uint8Array(one.length * part.times)
  for (let time = 0; time < part.times; time++) all.set(one, time * one.length)
  return all
}

function joined(parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0)
  return all
}

const text = part => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes(part))

function entry({ event = 'message', data, last_event_id = '', id, retry, comment }) {
  if (data !== undefined) return [event === 'message' ? null : text(event), text(data), text(last_event_id), id === undefined ? null : text(id)]
  if (retry !== undefined) return Math.min(retry, Number.MAX_SAFE_INTEGER)
  return comment === undefined ? undefined : { comment: text(comment) }
}

const entries = items => items.map(entry).filter(item => item !== undefined)

function* cut(input, sizes) {
  const piece = typeof input === 'string' ? 'slice' : 'subarray'
  for (let at = 0, turn = 0; at < input.length; at += sizes[turn++ % sizes.length]) yield input[piece](at, at + sizes[turn % sizes.length])
}

function random(seed) {
  return below => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
}

function equal(seen, expected, what) {
  const [one, other] = [JSON.stringify(seen), JSON.stringify(expected)]
  if (one !== other) throw new Error(`${what}: ${one?.slice(0, 500)} instead of ${other?.slice(0, 500)}`)
}

const PIECES = [
  'data: ', 'data:', 'data', 'event: ', 'id: ', 'id', 'retry: ', ': ', ':', ' ', '1', 'x', 'message', '\0', '\r', '\r\n', '\n', '\n', '\n\n', '\n\n', '\ufeff', '\u2028',
  'é', '€', '🎉', 'eventx', 'retry:5\n', 'id: \0\n', 'Data: x\n', '\r\r', '\r\n\r\n', 'data: {"a":1}\n\n', 'id: 7\nevent: e\ndata: d\n\n', 'id: 8\n\n', 'x'.repeat(600), '你好，世界'.repeat(40),
]

/** Throws for the first thing that is wrong. Returns how much was looked at. */
export async function check({ parser: { createParser, EventSourceParserStream, events }, alias, aliasStream, parse, chunks }) {
  const counts = { vectors: 0, streams: 0 }

  function outcome(pieces, options, end) {
    const log = []
    let code
    const parser = createParser({
      onEvent: ({ event = null, data, lastEventId, id = null }) => log.push([event, data, lastEventId, id]),
      onComment: comment => log.push({ comment }),
      onRetry: retry => log.push(retry),
      ...options,
    })
    try {
      for (const piece of pieces) parser.feed(piece)
      if (end) parser.reset(end)
    } catch (error) {
      code = error.code
    }
    return { log, code, lastEventId: parser.lastEventId }
  }

  for (const { name, input, items, last_event_id = '', max_event_bytes: maxEventBytes, error, unfinished } of parse) {
    const whole = bytes(input)
    const expected = entries(items)
    const string = text(input)
    const isText = encoder.encode(string).length === whole.length && !string.includes('\ufffd')
    const sizes = whole.length > 1_000_000 ? [[whole.length], [65_536], [1021]] : [[whole.length || 1], [1], [2], [3], [7], [5, 1, 13], [1025], [1, 2000]]
    for (const size of sizes) {
      for (const form of isText ? [whole, string] : [whole]) {
        const what = `${name}, by ${size}`
        const seen = outcome(cut(form, size), { maxEventBytes })
        equal(seen.log, expected, what)
        equal(seen.code, error, what)
        if (!error) equal(seen.lastEventId, text(last_event_id), what)
        if (unfinished) equal(outcome(cut(form, size), {}, { dispatchUnfinished: true }).log, [...expected, ...entries(unfinished)], what)
      }
    }
    counts.vectors++
  }

  for (const { name, chunks: pieces } of chunks) {
    const log = []
    const parser = createParser({
      onEvent: ({ event = null, data, lastEventId, id = null }) => log.push([event, data, lastEventId, id]),
      onComment: comment => log.push({ comment }),
      onRetry: retry => log.push(retry),
    })
    for (const { input, items } of pieces) {
      parser.feed(bytes(input))
      equal(log.splice(0), entries(items), name)
    }
    counts.vectors++
  }

  // A chunk of any size is seen whole, also above what a runtime may treat as small.
  for (const size of [1016, 1017, 1024, 1025, 2000, 65_535, 65_536, 70_000, 3_000_000]) {
    for (const letter of ['x', 'é', '你']) {
      const stream = encoder.encode(`data: ${letter.repeat(size)}\n\n`)
      for (const form of [stream, stream.buffer]) equal(outcome([form]).log.map(([, data]) => data.length), [size], `${size} of ${letter}`)
    }
  }

  const next = random(6)
  for (let round = 0; round < 3000; round++) {
    const whole = Array.from({ length: next(30) }, () => PIECES[next(PIECES.length)]).join('')
    const encoded = encoder.encode(whole)
    const sizes = Array.from({ length: 5 }, () => 1 + next(next(4) === 0 ? 700 : 40))
    const expected = outcome([encoded])
    equal(outcome(cut(encoded, sizes)), expected, whole)
    equal(outcome(cut(whole, sizes)), expected, whole)
    const broken = encoded.map(byte => (next(9) === 0 ? next(256) : byte))
    equal(outcome(cut(broken, sizes)), outcome([broken]), Array.from(broken).join())
    counts.streams++
  }

  const body = () => new ReadableStream({
    start(controller) {
      for (const piece of cut(encoder.encode('id: 1\ndata: é\n\ndata: 🎉\n\ndata: rest'), [3])) controller.enqueue(piece)
      controller.close()
    },
  })
  const read = async stream => {
    const seen = []
    for await (const { data } of stream) seen.push(data)
    return seen
  }
  equal(await read(events(new Response(body()))), ['é', '🎉'], 'events of a response')
  equal(await read(events(body(), { dispatchUnfinished: true })), ['é', '🎉', 'rest'], 'events of a stream')
  equal(await read(body().pipeThrough(new EventSourceParserStream())), ['é', '🎉'], 'EventSourceParserStream')

  const log = []
  const replacing = alias.createParser({ onId: id => log.push(id), onEvent: event => log.push(event), onError: error => log.push(error instanceof alias.ParseError && error.type), maxBufferSize: 100 })
  replacing.feed('event: message\nid: 1\ndata: x\n\nunknown: y\n')
  equal(log, ['1', { id: '1', event: 'message', data: 'x' }, 'unknown-field'], 'the parser in the place of eventsource-parser')
  equal(await read(body().pipeThrough(new TextDecoderStream()).pipeThrough(new aliasStream.EventSourceParserStream())), ['é', '🎉'], 'its stream')
  return counts
}
