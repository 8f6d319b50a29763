import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createHub, encode, sseMiddleware, SsecastError } from 'ssecast'

import { join } from './support/client.mjs'
import { serve } from './support/hosts.mjs'

/** Checks that a call throws one SsecastError, that it names the field, and that its message does so first. */
function refuses(call, code, field) {
  assert.throws(call, error => {
    assert.ok(error instanceof SsecastError, `${error}`)
    assert.equal(error.name, 'SsecastError')
    assert.equal(error.code, code)
    assert.equal(error.field, field)
    assert.ok(error.message.startsWith(`${field} `), error.message)
    return true
  })
}

const circular = {}
circular.self = circular
const fault = { toJSON() { throw new RangeError('on purpose') } }
const INVALID_UTF8 = new Uint8Array([0x61, 0xff, 0xfe])

const badEvents = [
  ['an event type with LF', 'x', { event: 'message\nevent: admin\ndata: x' }, 'SSECAST_INVALID_EVENT', 'event'],
  ['an event type with CR', 'x', { event: 'a\rb' }, 'SSECAST_INVALID_EVENT', 'event'],
  ['an event type that is a number', 'x', { event: 7 }, 'SSECAST_INVALID_EVENT', 'event'],
  ['an id with LF', 'x', { id: 'message\nevent: admin\ndata: x' }, 'SSECAST_INVALID_ID', 'id'],
  ['an id with CR', 'x', { id: '1\r2' }, 'SSECAST_INVALID_ID', 'id'],
  ['an id with NUL', 'x', { id: '1\0' }, 'SSECAST_INVALID_ID', 'id'],
  ['an id that is an object', 'x', { id: {} }, 'SSECAST_INVALID_ID', 'id'],
  ['an id that is half a number', 'x', { id: 1.5 }, 'SSECAST_INVALID_ID', 'id'],
  ['a retry that is text with an event in it', 'x', { retry: '0\r\nevent: admin' }, 'SSECAST_INVALID_RETRY', 'retry'],
  ['a retry that is text', 'x', { retry: '1000' }, 'SSECAST_INVALID_RETRY', 'retry'],
  ['a retry that is NaN', 'x', { retry: NaN }, 'SSECAST_INVALID_RETRY', 'retry'],
  ['a retry that is infinite', 'x', { retry: Infinity }, 'SSECAST_INVALID_RETRY', 'retry'],
  ['a negative retry', 'x', { retry: -1 }, 'SSECAST_INVALID_RETRY', 'retry'],
  ['a retry with a fraction', 'x', { retry: 1.5 }, 'SSECAST_INVALID_RETRY', 'retry'],
  ['a comment that is a number', 'x', { comment: 7 }, 'SSECAST_INVALID_DATA', 'comment'],
  ['bytes that are not UTF-8', INVALID_UTF8, {}, 'SSECAST_INVALID_DATA', 'data'],
  ['a function', () => {}, {}, 'SSECAST_INVALID_DATA', 'data'],
  ['a BigInt', 1n, {}, 'SSECAST_INVALID_DATA', 'data'],
  ['an object in a circle', circular, {}, 'SSECAST_INVALID_DATA', 'data'],
  ['an object whose toJSON throws', fault, {}, 'SSECAST_INVALID_DATA', 'data']
]

const badOnlyWhenPublished = [
  ['no data', undefined, {}, 'SSECAST_INVALID_DATA', 'data'],
  ['an empty id', 'x', { id: '' }, 'SSECAST_INVALID_ID', 'id'],
  ['an event over maxEventBytes', 'x'.repeat(1000), {}, 'SSECAST_EVENT_TOO_LARGE', 'event']
]

for (const [what, data, fields, code, field] of [...badEvents, ...badOnlyWhenPublished]) {
  test(`publishing ${what} is an error of ${field}, and no client gets anything`, async t => {
    const hub = createHub({ maxEventBytes: 500 })
    const { url } = await serve(t, hub)
    const client = await join(url)
    const before = hub.stats()

    refuses(() => hub.publish('t', data, fields), code, field)

    const { published, historyEvents, heldBytes, topics } = hub.stats()
    assert.deepEqual(
      { published, historyEvents, heldBytes, topics },
      { published: 0, historyEvents: before.historyEvents, heldBytes: before.heldBytes, topics: before.topics }
    )
    hub.publish('t', 'good')
    assert.deepEqual(await client.has(1), ['good'])
    assert.equal(client.events.length, 1)
  })
}

for (const [what, data, fields, code, field] of badEvents) {
  test(`encoding ${what} is an error of ${field}`, () => refuses(() => encode({ ...fields, data }), code, field))
}

for (const [what, data, fields, code, field] of [...badEvents, badOnlyWhenPublished[0], badOnlyWhenPublished[2]]) {
  test(`a session that sends ${what} throws an error of ${field}, and its stream goes on`, async t => {
    let session
    const { url } = await serve(t, createHub({ maxEventBytes: 500 }), { topics: [], onConnect: opened => (session = opened) })
    const client = await join(url)

    refuses(() => session.send(data, fields), code, field)
    assert.ok(session.send('good'))
    assert.deepEqual(await client.has(1), ['good'])
    assert.equal(client.events.length, 1)
  })
}

test('the error of a serialiser that throws has its error as the cause', () => {
  assert.throws(() => createHub().publish('t', fault), error => error.cause instanceof RangeError)
})

const badTopics = [
  ['an empty topic', ''],
  ['a topic of 257 bytes', 'a'.repeat(257)],
  ['a topic of 129 characters that are 258 bytes', 'é'.repeat(129)],
  ['a topic that is a number', 7],
  ['no topic', undefined]
]

for (const [what, topic] of badTopics) {
  test(`publishing to ${what} is an error`, () => {
    const hub = createHub()
    refuses(() => hub.publish(topic, 'x'), 'SSECAST_INVALID_TOPIC', 'topic')
    assert.equal(hub.stats().published, 0)
    assert.equal(hub.stats().topics, 0)
  })

  test(`subscribing a session to ${what} is an error, and its topics stay`, async t => {
    let session
    const hub = createHub()
    const { url } = await serve(t, hub, { topics: ['t'], onConnect: opened => (session = opened) })
    const client = await join(url)

    refuses(() => session.subscribe('u', topic), 'SSECAST_INVALID_TOPIC', 'topic')
    assert.deepEqual(session.topics, ['t'])
    hub.publish('t', 'good')
    assert.deepEqual(await client.has(1), ['good'])
  })
}

test('a topic of 256 bytes is fine', () => {
  assert.equal(createHub().publish('é'.repeat(128), 'x').subscribers, 0)
})

test('one topic more than maxTopics is an error', () => {
  const hub = createHub({ maxTopics: 1 })
  hub.publish('a', 'x')
  refuses(() => hub.publish('b', 'x'), 'SSECAST_TOO_MANY_TOPICS', 'topic')
  assert.equal(hub.stats().published, 1)
})

test('an id that an event in the history has is an error', () => {
  const hub = createHub()
  hub.publish('t', 'x', { id: 'a' })
  refuses(() => hub.publish('t', 'y', { id: 'a' }), 'SSECAST_INVALID_ID', 'id')
  assert.equal(hub.stats().published, 1)
})

test('an id of the form of the hub itself is an error', () => {
  const hub = createHub()
  const { id } = hub.publish('t', 'x')
  refuses(() => hub.publish('t', 'y', { id }), 'SSECAST_INVALID_ID', 'id')
})

test('publishing to a closed hub does nothing and says so, and its arguments are still checked', async () => {
  const hub = createHub()
  hub.publish('t', 'before')
  const closed = hub.close()
  for (let time = 0; time < 2; time++) {
    assert.deepEqual(hub.publish('t', 'x', { event: 'tick', id: 'mine' }), { id: null, subscribers: 0 })
    refuses(() => hub.publish('', 'x'), 'SSECAST_INVALID_TOPIC', 'topic')
    refuses(() => hub.publish('t', 'x', { id: 'a\nb' }), 'SSECAST_INVALID_ID', 'id')
    refuses(() => hub.publish('t', 'x', { retry: -1 }), 'SSECAST_INVALID_RETRY', 'retry')
    refuses(() => hub.publish('t', undefined), 'SSECAST_INVALID_DATA', 'data')
    await closed
  }
  assert.equal(hub.stats().published, 1)
})

const badOptions = [
  [{ retry: 1 }, 'retry'],
  [{ history: { evens: 1 } }, 'history.evens'],
  [{ slowClient: { time: 1 } }, 'slowClient.time'],
  [{ history: 5 }, 'history'],
  [{ history: { events: null, bytes: null, ms: null } }, 'history'],
  [{ history: { events: -1 } }, 'history.events'],
  [{ history: { bytes: 1.5 } }, 'history.bytes'],
  [{ history: { ms: 0 } }, 'history.ms'],
  [{ slowClient: { bytes: 0 } }, 'slowClient.bytes'],
  [{ slowClient: { ms: 'never' } }, 'slowClient.ms'],
  [{ slowClient: { policy: 'wait' } }, 'slowClient.policy'],
  [{ heartbeatMs: NaN }, 'heartbeatMs'],
  [{ heartbeatMs: 0 }, 'heartbeatMs'],
  [{ retryMs: -1 }, 'retryMs'],
  [{ retryMs: '0\r\nevent: admin' }, 'retryMs'],
  [{ resetEvent: 'a\nb' }, 'resetEvent'],
  [{ resetEvent: '' }, 'resetEvent'],
  [{ maxConnections: 0 }, 'maxConnections'],
  [{ maxTopics: '5' }, 'maxTopics'],
  [{ maxEventBytes: -5 }, 'maxEventBytes'],
  [null, 'options'],
  [5, 'options']
]

for (const [options, field] of badOptions) {
  const text = JSON.stringify(options, (_, value) => (Number.isNaN(value) ? 'NaN' : value))
  test(`createHub(${text}) is an error of ${field}`, () => {
    refuses(() => createHub(options), 'SSECAST_INVALID_OPTION', field)
  })
}

test('an unknown option of the middleware is an error when the middleware is made', () => {
  refuses(() => sseMiddleware(createHub(), { topic: ['t'] }), 'SSECAST_INVALID_OPTION', 'topic')
  refuses(() => sseMiddleware.koa1(createHub(), { topic: ['t'] }), 'SSECAST_INVALID_OPTION', 'topic')
})

test('an unknown field of an event is an error, and nothing is published', () => {
  const hub = createHub()
  refuses(() => hub.publish('t', 'x', { type: 'tick' }), 'SSECAST_INVALID_OPTION', 'type')
  refuses(() => encode({ data: 'x', type: 'tick' }), 'SSECAST_INVALID_OPTION', 'type')
  assert.equal(hub.stats().published, 0)
})

test('a bad option of close is an error, and the hub stays open', async () => {
  const hub = createHub()
  for (const [options, code, field] of [
    [{ grace: 5 }, 'SSECAST_INVALID_OPTION', 'grace'],
    [{ graceMs: -1 }, 'SSECAST_INVALID_OPTION', 'graceMs'],
    [{ graceMs: Infinity }, 'SSECAST_INVALID_OPTION', 'graceMs'],
    [{ graceMs: 'soon' }, 'SSECAST_INVALID_OPTION', 'graceMs'],
    [{ event: { event: 'a\nb' } }, 'SSECAST_INVALID_EVENT', 'event']
  ]) {
    refuses(() => hub.close(options), code, field)
    assert.equal(hub.closed, false)
  }
  hub.publish('t', 'x')
})

for (const topics of ['t', [''], [7], { 0: 't' }, () => 't']) {
  test(`a middleware with the topics ${typeof topics === 'function' ? topics : JSON.stringify(topics)} passes an error to next`, async () => {
    const hub = createHub()
    const errors = []
    try {
      const middleware = sseMiddleware(hub, { topics })
      const { IncomingMessage, ServerResponse } = await import('node:http')
      const request = Object.assign(new IncomingMessage(null), { method: 'GET' })
      await middleware(request, new ServerResponse(request), error => errors.push(error))
    } catch (error) {
      errors.push(error)
    }
    assert.equal(errors[0].code, 'SSECAST_INVALID_TOPIC')
    assert.equal(hub.stats().connections, 0)
  })
}
