// What the web-platform-tests for EventSource assert, as tables. They need no page here: tests/browser has what does.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'

import { EventSource } from 'ssecast/client'

import { eventually } from './support/eventually.mjs'
import { QUICK, serve, source } from './support/scripted.mjs'

const LONG = 'x'.repeat(4096)

/** A stream, and the events that it must give: their data, or type, data and last event ID. */
const STREAMS = {
  'lines and data': [
    'data:msg\ndata:msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n',
    ['msg\nmsg', '', 'end'],
  ],
  'a BOM at the beginning, and one later': ['\ufeffdata:1\n\n\ufeffdata:2\n\ndata:3\n\n', ['1', '3']],
  'two BOMs at the beginning': ['\ufeff\ufeffdata:1\n\ndata:2\n\ndata:3\n\n', ['2', '3']],
  'comments, long ones too': [
    `data:1\r:\0\n:\r\ndata:2\n:${LONG}\rdata:3\n:data:fail\r:${LONG}\ndata:4\n\n`,
    ['1\n2\n3\n4'],
  ],
  'empty data, with and without a colon': ['data:\n\ndata\ndata\n\ndata:test\n\n', ['', '\n', 'test']],
  'an empty type': ['event: \ndata:data\n\n', [['message', 'data', '']]],
  'a type, for one event': ['event:test\ndata:x\n\ndata:y\n\n', [['test', 'x', ''], ['message', 'y', '']]],
  'an id that stays': [
    'id: 1\ndata:1\n\ndata:2\n\nid: 2\ndata:3\n\ndata:4\n\n',
    [['message', '1', '1'], ['message', '2', '1'], ['message', '3', '2'], ['message', '4', '2']],
  ],
  'an id that is reset, with and without a colon': [
    'id: 1\ndata:1\n\nid:\ndata:2\n\nid: 3\ndata:3\n\nid\ndata:4\n\n',
    [['message', '1', '1'], ['message', '2', ''], ['message', '3', '3'], ['message', '4', '']],
  ],
  'ids that are ignored, as they have a NUL': [
    'id: a\ndata:1\n\nid:\0\ndata:2\n\nid: \0b\ndata:3\n\nid: b\0\ndata:4\n\n',
    [1, 2, 3, 4].map(data => ['message', String(data), 'a']),
  ],
  'names of fields that are none': [
    'data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n',
    ['\0\n 2\n1\n3\n\n4'],
  ],
  'unknown fields': ['data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n', ['test\n\ntest']],
  'one leading space, and no tab': ['data:\ttest\rdata: \ndata:test\n\n', ['\ttest\n\ntest']],
  'every kind of line end': ['data:test\r\ndata\ndata:test\r\n\r', ['test\n\ntest']],
  'each line end, twice': ['data: cr\r\rdata: lf\n\ndata: crlf\r\n\r\n', ['cr', 'lf', 'crlf']],
  'NUL in data': ['data:\0\n\n', ['\0']],
  'an event that does not end': ['data:1\n\ndata:2', ['1']],
}

/** What a stream says of the reconnection time, and what that is then. */
const TIMES = {
  'retry:3000': 3000,
  'retry:03000': 3000,
  'retry:3000\nretry:1000x': 3000,
  'retry:3000\nretry:-1\nretry: +1\nretry:1.5\nretry: 1 \nretry:0x1\nretry:١': 3000,
  retry: 2000,
  'retry:': 2000,
  'RETRY:1': 2000,
  'retry:1000\nretry:0': 0,
}

/** Types of an answer, and whether they are an event stream's. */
const TYPES = {
  'text/event-stream': true,
  'text/event-stream;': true,
  'TEXT/Event-Stream ; charset=windows-1252': true,
  'text/event-stream;charset=utf-8;x=y': true,
  'x bogus': false,
  'text/x-bogus': false,
  'text/event-streams': false,
  'text/event-stream-x': false,
  'text/plain, text/event-stream': false,
  'application/json': false,
  '': false,
}

const END = 'event: end\ndata: end\n\n'

describe('a stream has', () => {
  for (const [name, [stream, expected]] of Object.entries(STREAMS)) {
    for (const [how, cut] of [['whole', stream.length], ['a byte at a time', 1]]) {
      test(`${name}, ${how}`, async () => {
        const bytes = Buffer.from(stream)
        const body = new ReadableStream({
          start(controller) {
            for (let at = 0; at < bytes.length; at += cut) controller.enqueue(bytes.subarray(at, at + cut))
            controller.close()
          },
        })
        const one = EventSource.fromReadableStream(body)
        const seen = []
        const isWhole = Array.isArray(expected[0])
        for (const type of ['message', 'test']) {
          one.addEventListener(type, event => seen.push(isWhole ? [event.type, event.data, event.lastEventId] : event.data))
        }
        await once(one, 'error')
        assert.deepEqual(seen, expected)
        assert.equal(one.readyState, 2)
      })
    }
  }
})

test('the reconnection time is what the last valid line has said', async t => {
  await Promise.all(Object.entries(TIMES).map(async ([stream, expected]) => {
    const { url } = await serve(t, `${stream}\n${END}`)
    const one = source(t, url)
    await once(one, 'end')
    assert.equal(one.reconnectionTime, expected, stream)
  }))
})

test('an answer of another type closes the source with one error, and gives nothing', async t => {
  await Promise.all(Object.entries(TYPES).map(async ([type, isStream]) => {
    const { url, requests } = await serve(t, (request, response) => {
      response.writeHead(200, type ? { 'Content-Type': type } : {}).write('data: ok…\n\n')
    })
    const one = source(t, url, { retry: QUICK })
    const seen = []
    for (const name of ['open', 'message', 'error']) one.addEventListener(name, event => seen.push(event.data ?? name))
    await eventually(() => seen.length === (isStream ? 2 : 1), type)
    assert.deepEqual([seen, one.readyState], isStream ? [['open', 'ok…'], 1] : [['error'], 2], type)
    if (!isStream) await eventually(() => requests[0].socket.destroyed, 'the refused answer is not left open')
  }))
})

test('every status but 200 closes the source with one error, and nothing of its body comes', async t => {
  await Promise.all([201, 202, 204, 205, 210, 299, 400, 401, 404, 410, 429, 500, 502, 503, 599].map(async status => {
    const { url, requests } = await serve(t, (request, response) => {
      response.writeHead(status, { 'Content-Type': 'text/event-stream', 'Retry-After': '0' })
      response.end(status === 204 || status === 205 ? '' : 'data: x\n\n')
    })
    const one = source(t, url, { retry: QUICK })
    one.onopen = one.onmessage = () => assert.fail(`${status} is no stream`)
    const [event] = await once(one, 'error')
    assert.deepEqual([one.readyState, 'data' in event, event.bubbles, event.cancelable, event.status], [2, false, false, false, status])
    assert.equal(requests.length, 1)
  }))
})

test('a request asks for an event stream that no cache has', async t => {
  const { url, requests } = await serve(t, END)
  await once(source(t, url), 'end')
  const { method, headers } = requests[0]
  assert.deepEqual([method, headers.accept, headers['cache-control'], 'last-event-id' in headers], ['GET', 'text/event-stream', 'no-cache', false])
})

test('the states and the events of a reconnect come in their order, and the last refusal ends it', async t => {
  const stream = data => (request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(`data: ${data}\n\n`)
  const { url } = await serve(t, stream('opened'), stream('reconnected'), (request, response) => response.writeHead(204).end())
  const one = source(t, url, { retry: QUICK })
  assert.equal(one.readyState, 0)
  const log = []
  for (const type of ['open', 'message', 'error']) one.addEventListener(type, event => log.push([type, event.data ?? '', one.readyState]))
  await eventually(() => one.readyState === 2, 'its end')
  assert.deepEqual(log, [
    ['open', '', 1], ['message', 'opened', 1], ['error', '', 0],
    ['open', '', 1], ['message', 'reconnected', 1], ['error', '', 0],
    ['error', '', 2],
  ])
})

test('handlers and listeners are called in the order in which they were set, and one that was removed is not', async t => {
  const { url } = await serve(t, 'data: 1\n\n')
  const one = source(t, url)
  const log = []
  const gone = () => log.push('gone')
  one.addEventListener('message', () => log.push('first'))
  one.addEventListener('message', gone)
  one.onmessage = () => log.push('replaced')
  one.addEventListener('message', () => log.push('once'), { once: true })
  one.onmessage = event => log.push(event.target === one && 'handler')
  one.removeEventListener('message', gone)
  one.addEventListener('message', event => event.stopImmediatePropagation())
  one.addEventListener('message', () => log.push('stopped'))
  await eventually(() => log.length > 0, 'the event')
  assert.deepEqual(log, ['first', 'handler', 'once'])
  one.onmessage = null
  assert.equal(one.onmessage, null)
})

test('what is put on the prototype is there on every source', t => {
  EventSource.prototype.own = () => true
  t.after(() => delete EventSource.prototype.own)
  assert.equal(source(t, 'http://localhost:1').own(), true)
})

describe('a source of a stream', () => {
  const from = chunks => new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk))
      controller.close()
    },
  })

  test('that fails, or is empty, is closed with one error', async () => {
    const failing = new ReadableStream({ start: controller => controller.error(new Error('broken')) })
    for (const [stream, cause] of [[failing, 'network'], [from([]), 'ended']]) {
      const one = EventSource.fromReadableStream(stream)
      const [event] = await once(one, 'error')
      assert.deepEqual([event.cause, event.retryIn, one.readyState], [cause, undefined, 2])
    }
  })

  test('that is piped into one after the other keeps its id and its time', async () => {
    const { readable, writable } = new TransformStream()
    const one = EventSource.fromReadableStream(readable)
    const ended = once(one, 'error')
    const seen = []
    one.onmessage = ({ data, lastEventId }) => seen.push([data, lastEventId, one.lastEventId, one.reconnectionTime])
    await from(['id: 42\nretry: 3000\nda', 'ta: first\n\n']).pipeTo(writable, { preventClose: true })
    await from(['data: second\n\n']).pipeTo(writable)
    await ended
    assert.deepEqual(seen, [['first', '42', '42', 3000], ['second', '42', '42', 3000]])
  })

  test('that is closed cancels it, and gives nothing more', async () => {
    let reason
    const stream = new ReadableStream({ cancel: given => void (reason = given ?? 'cancelled') })
    const one = EventSource.fromReadableStream(stream)
    await once(one, 'open')
    one.close()
    assert.equal(one.readyState, 2)
    await eventually(() => reason !== undefined, 'it is cancelled')
  })
})
