import assert from 'node:assert/strict'
import http from 'node:http'
import { Readable } from 'node:stream'
import { test } from 'node:test'

import { createHub, events, sseMiddleware } from 'ssecast'

import { serve } from './support/hosts.mjs'

const CHUNKS = ['data: a\n\nid: 1\nda', Buffer.from('ta: b\n\ndata: é\n\n'), 'data: unfinished']

const web = (chunks, cancel = () => {}) => new ReadableStream({
  pull(controller) {
    if (chunks.length === 0) return controller.close()
    controller.enqueue(chunks.shift())
  },
  cancel,
})

async function read(stream, options) {
  const seen = []
  for await (const { data } of events(stream, options)) seen.push(data)
  return seen
}

test('the events of a web stream, a response, a stream of Node and anything iterable are iterated over', async () => {
  async function* generated() {
    yield* CHUNKS
  }
  for (const stream of [web([...CHUNKS]), { body: web([...CHUNKS]) }, Readable.from(CHUNKS), generated(), CHUNKS, new Set(CHUNKS), { body: Readable.from(CHUNKS) }]) {
    assert.deepEqual(await read(stream), ['a', 'b', 'é'])
  }
  assert.deepEqual(await read(new Response('data: x\n\n')), ['x'])
  assert.deepEqual(await read(new Response(null, { status: 204 })), [])
  assert.deepEqual(await read(web([...CHUNKS]), { dispatchUnfinished: true }), ['a', 'b', 'é', 'unfinished'])
})

test('each event comes when its blank line has, and not only with the next chunk', async () => {
  let push
  const stream = new ReadableStream({ start: controller => (push = controller) })
  const iterator = events(stream)
  const first = iterator.next()
  push.enqueue('id: 7\ndata: a\n\n')
  assert.deepEqual(await first, { done: false, value: { event: undefined, id: '7', data: 'a', lastEventId: '7' } })
  // Calls wait for each other.
  const [second, third] = [iterator.next(), iterator.next()]
  push.enqueue('data: b\n\ndata: c\n\n')
  assert.deepEqual([(await second).value.data, (await third).value.data], ['b', 'c'])
  push.close()
  assert.equal((await iterator.next()).done, true)
})

test('a loop that ends early cancels the stream', async () => {
  let cancelled = 0
  for await (const _ of events(web([...CHUNKS], () => void cancelled++))) break
  assert.equal(cancelled, 1)
  const readable = Readable.from(CHUNKS)
  for await (const _ of events(readable)) break
  assert.equal(readable.destroyed, true)
})

test('an early end reaches the server of a fetch, and of http.get', async t => {
  const hub = createHub()
  t.after(() => hub.close())
  const { url } = await serve(t, hub)
  const sources = [() => fetch(url), () => new Promise(resolve => http.get(url, resolve))]
  for (const [index, open] of sources.entries()) {
    const stream = await open()
    hub.publish('t', `event ${index}`)
    for await (const { data } of events(stream)) {
      assert.equal(data, `event ${index}`)
      break
    }
    while (hub.stats().connections > 0) await new Promise(setImmediate)
  }
})

test('an error comes after the events before it: of the stream, of a callback, or an event that is too large', async () => {
  const failure = new Error('on purpose')
  const failing = () => {
    const chunks = ['data: a\n\n', 'data: b\n\n']
    return new ReadableStream({
      pull(controller) {
        if (chunks.length > 0) controller.enqueue(chunks.shift())
        else controller.error(failure)
      },
    })
  }
  const large = { code: 'SSECAST_EVENT_TOO_LARGE' }
  const failed = []
  for (const [stream, options, error] of [
    [failing(), {}, error => error === failure],
    [['data: a\n\ndata: b\n\n:\n'], { onComment() { throw failure } }, error => error === failure],
    [['data: a\n\ndata: b\n\ndata: too large\n\n'], { maxEventBytes: 10 }, large],
    [['data: a\n\ndata: b\n\ndata: too large\n\n'], { maxEventBytes: 10, onError: error => failed.push(error.code) }, large],
  ]) {
    const seen = []
    await assert.rejects(async () => {
      for await (const { data } of events(stream, options)) seen.push(data)
    }, error)
    assert.deepEqual(seen, ['a', 'b'])
  }
  assert.deepEqual(failed, ['SSECAST_EVENT_TOO_LARGE'])
})

test('what is no stream, and options that make no sense, are refused by the call', () => {
  for (const stream of [undefined, null, 5, {}, { body: 5 }, 'data: x\n\n', () => {}]) {
    assert.throws(() => events(stream), { code: 'SSECAST_INVALID_DATA', field: 'stream' })
  }
  const invalid = field => ({ code: 'SSECAST_INVALID_OPTION', field })
  assert.throws(() => events([], { onEvent() {} }), invalid('onEvent'))
  assert.throws(() => events([], { maxEventByte: 1 }), invalid('maxEventByte'))
  assert.throws(() => events([], { onError: 'ignore' }), invalid('onError'))
})
