import assert from 'node:assert/strict'
import http from 'node:http'
import { test } from 'node:test'

import { createHub, EventSourceParserStream, sseMiddleware } from 'ssecast'

const stream = chunks => new ReadableStream({
  start(controller) {
    for (const chunk of chunks) controller.enqueue(chunk)
    controller.close()
  },
})

const collect = async readable => {
  const events = []
  for await (const event of readable) events.push(event)
  return events
}

test('the body of a fetch gives the events that a hub publishes', async t => {
  const hub = createHub()
  const server = http.createServer(sseMiddleware(hub, { topics: ['t'] })).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const response = await fetch(`http://127.0.0.1:${server.address().port}/`)
  const published = [hub.publish('t', 'é'), hub.publish('t', { a: 1 }, { event: 'tick' })]
  hub.close()
  const events = await collect(response.body.pipeThrough(new EventSourceParserStream()))
  assert.deepEqual(events.map(({ event, data, id }) => ({ event, data, id })), [
    { event: undefined, data: 'é', id: published[0].id },
    { event: 'tick', data: '{"a":1}', id: published[1].id },
  ])
})

test('strings and bytes may be cut anywhere', async () => {
  const bytes = Buffer.from('data: 🎉\n\n')
  const chunks = [...bytes].map(byte => Uint8Array.of(byte)).concat('da', 'ta: x\n', '\n')
  const events = await collect(stream(chunks).pipeThrough(new EventSourceParserStream()))
  assert.deepEqual(events.map(({ data }) => data), ['🎉', 'x'])
})

test('comments and reconnection times are called back', async () => {
  const seen = []
  const parser = new EventSourceParserStream({ onComment: comment => seen.push(comment), onRetry: ms => seen.push(ms) })
  assert.deepEqual(await collect(stream([': a\nretry: 5\n']).pipeThrough(parser)), [])
  assert.deepEqual(seen, ['a', 5])
})

test('an event over the limit ends the stream with an error, which onError gets', async () => {
  const seen = []
  for (const onError of [undefined, 'terminate', error => seen.push(error.code)]) {
    const parser = new EventSourceParserStream({ onError, maxEventBytes: 10 })
    const tooLarge = { code: 'SSECAST_EVENT_TOO_LARGE' }
    await assert.rejects(collect(stream([`data: ${'x'.repeat(20)}\n\n`]).pipeThrough(parser)), tooLarge)
  }
  assert.deepEqual(seen, ['SSECAST_EVENT_TOO_LARGE'])
})

test('an error of a callback ends the stream', async () => {
  const failure = new Error('on purpose')
  const parser = new EventSourceParserStream({
    onComment() {
      throw failure
    },
  })
  await assert.rejects(collect(stream([':\n']).pipeThrough(parser)), error => error === failure)
})

test('an unfinished event comes at the end, where it is asked for', async () => {
  const chunks = ['data: a\n\ndata: b\n', Buffer.from('data: é').subarray(0, -1)]
  const read = async options => (await collect(stream(chunks).pipeThrough(new EventSourceParserStream(options)))).map(({ data }) => data)
  assert.deepEqual(await read(), ['a'])
  assert.deepEqual(await read({ dispatchUnfinished: false }), ['a'])
  assert.deepEqual(await read({ dispatchUnfinished: true }), ['a', 'b\n\ufffd'])
})

test('options that make no sense are refused', () => {
  const invalid = field => ({ code: 'SSECAST_INVALID_OPTION', field })
  assert.throws(() => new EventSourceParserStream({ onError: 'ignore' }), invalid('onError'))
  assert.throws(() => new EventSourceParserStream({ onEvnt() {} }), invalid('onEvnt'))
  assert.throws(() => new EventSourceParserStream({ maxEventBytes: '1' }), invalid('maxEventBytes'))
  assert.throws(() => new EventSourceParserStream({ dispatchUnfinished: 1 }), invalid('dispatchUnfinished'))
  assert.throws(() => new EventSourceParserStream({ onEvent() {} }), invalid('onEvent'))
})
