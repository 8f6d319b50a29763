// `ssecast/eventsource-parser` beside the package that it replaces: whatever can be seen of one is seen of the other.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'

import * as real from 'eventsource-parser'
import * as realStream from 'eventsource-parser/stream'
import * as own from 'ssecast/eventsource-parser'
import * as ownStream from 'ssecast/eventsource-parser/stream'

import { cut, random } from './support/parser-log.mjs'

const require = createRequire(import.meta.url)
const next = random(11)
const pick = list => list[next(list.length)]

const PIECES = [
  'data: ', 'data:', 'data', 'dat', 'd', 'event: ', 'event:', 'even', 'id: ', 'id', 'i', 'retry: ', 'retry', 're', ': ', ':', ' ', '1', '42', 'x',
  'message', 'hello world', 'DATA: ', '\0', '\r', '\r\n', '\n', '\n', '\n\n', '\n\n', '\ufeff', '\xef\xbb\xbf', '\xef\xbb', '\xef', 'é', '🎉', '\ud83c',
  'data: {"a":1}\n\n', 'event: message\ndata: x\n\n', 'id: 7\nevent: e\ndata: d\n\n', 'id: 8\n\n', 'id: a\0b\n', 'data: a\ndata: b\n\n', 'unknown: field\n', 'data x\n',
  'a field whose name has more than twenty letters: x\n', 'retry: 5\n', 'retry: 5x\n', 'retry:\n', 'retry: 99999999999999999999999\n', 'retry:  1\n', ': comment\n', ':\r',
  '{"error":"Internal Server Error"}', '{"error":"Internal Server Error"}\n', 'id: 9\r\nevent: e\r\ndata: d\r\ndata: d\r\n\r\n', 'data: d\r\r', 'x'.repeat(40),
]

const described = error => ({ ...error, name: error.name, message: error.message, type: error.type })

/** Everything that can be seen of a parser that is used in this way. */
function seen({ createParser, ParseError }, { chunks, callbacks, maxBufferSize, resets }) {
  const log = []
  let count = 0
  const note = (...entry) => {
    log.push(entry)
    // A reset by onId drops that block's event or keeps it, as it happens to be parsed; nothing is to be had from that.
    if (entry[0] !== 'id' && resets.inside.includes(++count)) parser.reset()
  }
  const all = {
    onId: id => note('id', id),
    onEvent: event => note('event', event, Object.keys(event)),
    onRetry: retry => note('retry', retry),
    onComment: comment => note('comment', comment),
    onError: error => note('error', described(error), error instanceof ParseError, error instanceof Error),
  }
  const parser = createParser({ ...Object.fromEntries(callbacks.map(name => [name, all[name]])), maxBufferSize })
  for (const [index, chunk] of chunks.entries()) {
    try {
      parser.feed(chunk)
    } catch (error) {
      log.push(['thrown', described(error)])
    }
    if (resets.after.has(index)) parser.reset(resets.after.get(index))
    // Where in the stream each callback came is seen too.
    log.push(index)
  }
  parser.reset({ consume: true })
  return log
}

function use() {
  const whole = Array.from({ length: next(24) }, () => pick(PIECES)).join('')
  const sizes = Array.from({ length: 4 }, () => 1 + next(pick([3, 12, 60, 400])))
  const chunks = [...cut(whole, sizes)]
  for (let more = next(3); more > 0; more--) chunks.splice(next(chunks.length + 1), 0, '')
  const callbacks = ['onId', 'onEvent', 'onRetry', 'onComment', 'onError'].filter(() => next(4) > 0)
  const maxBufferSize = next(2) ? undefined : pick([0, 1, 4, 8, 16, 24, 40, 1000])
  const after = new Map(Array.from({ length: next(8) === 0 ? 2 : 0 }, () => [next(chunks.length + 1), pick([undefined, {}, { consume: true }, { consume: false }])]))
  const inside = next(8) === 0 ? [1 + next(4), 1 + next(9)] : []
  return { chunks, callbacks, maxBufferSize, resets: { after, inside } }
}

test('the same callbacks are called with the same, in the same places, for any stream, options and resets', () => {
  for (let round = Number(process.env.PARSER_ROUNDS ?? 15_000); round > 0; round--) {
    const one = use()
    assert.deepEqual(seen(own, one), seen(real, one), JSON.stringify({ ...one, resets: [...one.resets.after, one.resets.inside] }))
  }
})

test('they export the same names, for import and for require', () => {
  const names = module => Object.keys(module).filter(name => name !== '__esModule' && name !== 'module.exports' && name !== 'default').sort()
  assert.deepEqual(names(own), names(real))
  assert.deepEqual(names(ownStream), names(realStream))
  assert.deepEqual(names(require('ssecast/eventsource-parser')), names(real))
  assert.deepEqual(names(require('ssecast/eventsource-parser/stream')), names(realStream))
  assert.equal(own.ParseError, ownStream.ParseError)
})

test('a bad configuration is refused with the same error', () => {
  for (const config of [() => {}, undefined, null]) {
    const errors = [own, real].map(({ createParser }) => {
      try {
        createParser(config)
      } catch (error) {
        return typeof config === 'function' ? described(error) : error.name
      }
    })
    assert.ok(errors[0])
    assert.deepEqual(errors[0], errors[1])
  }
  for (const config of [{}, { anything: 1 }, { onEvent: undefined, maxBufferSize: undefined }]) own.createParser(config).feed('data: x\n\n')
})

test('options that real clients pass do what they say', () => {
  const log = []
  const parser = own.createParser({ maxBufferSize: 1e8, onId: id => log.push(id), onEvent: event => log.push(event) })
  parser.feed('event: message\nid: 1\ndata: x\n\n')
  assert.deepEqual(log, ['1', { id: '1', event: 'message', data: 'x' }])
})

test('an error of a callback reaches the caller, and the next call goes on after it', () => {
  const log = []
  const parser = own.createParser({
    onEvent({ data }) {
      log.push(data)
      if (data === '1') throw new Error('on purpose')
    },
  })
  assert.throws(() => parser.feed('data: 1\n\ndata: 2\n\n'), /on purpose/)
  parser.feed('data: 3\n\n')
  assert.deepEqual(log, ['1', '2', '3'])
})

describe('a stream', () => {
  async function read({ EventSourceParserStream }, chunks, options) {
    const log = []
    const note = name => value => log.push([name, value instanceof Error ? described(value) : value])
    const callbacks = { onComment: note('comment'), onRetry: note('retry'), onId: note('id') }
    const onError = options.onError === 'call' ? note('error') : options.onError
    const source = new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk)
        controller.close()
      },
    })
    try {
      for await (const event of source.pipeThrough(new EventSourceParserStream({ ...callbacks, ...options, onError }))) log.push(event)
    } catch (error) {
      log.push(['thrown', described(error)])
    }
    return log
  }

  test('gives the same events, and ends with the same errors', async () => {
    for (let round = 0; round < 400; round++) {
      const { chunks, maxBufferSize } = use()
      const options = { maxBufferSize, onError: pick([undefined, 'terminate', 'call', 'ignore']) }
      assert.deepEqual(await read(ownStream, chunks, options), await read(realStream, chunks, options), JSON.stringify({ chunks, options }))
    }
  })

  test('needs no options', async () => {
    const events = []
    const stream = new Response('data: é\n\n').body.pipeThrough(new TextDecoderStream()).pipeThrough(new ownStream.EventSourceParserStream())
    for await (const event of stream) events.push(event)
    assert.deepEqual(events, [{ id: undefined, event: undefined, data: 'é' }])
  })
})
