// hub.response: a web Response with the stream.
import assert from 'node:assert/strict'
import http from 'node:http'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'

import express from 'express'
import { createHub, events, sseMiddleware } from 'ssecast'

import { eventually } from './support/eventually.mjs'
import { listen } from './support/hosts.mjs'

const url = 'http://localhost/stream'
const ask = (headers, more) => new Request(url, { headers, ...more })

// As a server would, this keeps the process alive.
const alive = setInterval(() => {}, 1000)
after(() => clearInterval(alive))

/** The next events of an iterator. */
async function take(iterator, count) {
  const taken = []
  while (taken.length < count) taken.push((await iterator.next()).value)
  return taken
}
const dataOf = taken => taken.map(({ data }) => data)

test('a response is a stream, and resumes by the header of the request', async () => {
  const hub = createHub()
  const response = await hub.response(ask(), { topics: ['t'], headers: { 'X-Mine': 'yes' } })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  assert.equal(response.headers.get('cache-control'), 'no-cache, no-transform')
  assert.equal(response.headers.get('x-accel-buffering'), 'no')
  assert.equal(response.headers.get('x-mine'), 'yes')
  const stream = events(response)
  const { id } = hub.publish('t', 1)
  assert.deepEqual(await take(stream, 1), [{ event: undefined, data: '1', id, lastEventId: id }])
  await stream.return()
  assert.equal(hub.stats().connections, 0)
  assert.equal(hub.stats().disconnects.client, 1)

  for (const data of [2, 3]) hub.publish('t', data)
  const again = await hub.response(ask({ 'Last-Event-ID': id }), { topics: ['t'] })
  assert.deepEqual(dataOf(await take(events(again), 2)), ['2', '3'])
  const query = await hub.response(new Request(`${url}?last=${id}`), { topics: ['t'], lastEventId: request => new URL(request.url).searchParams.get('last') })
  assert.deepEqual(dataOf(await take(events(query), 2)), ['2', '3'])
  const replayed = await hub.response(ask(), { topics: ['t'], replay: 1 })
  assert.deepEqual(dataOf(await take(events(replayed), 1)), ['3'])
})

test('all that waits is one chunk, which is the reader\'s own', async () => {
  const hub = createHub()
  const readers = []
  for (let n = 0; n < 2; n++) readers.push((await hub.response(ask(), { topics: ['t'] })).body.getReader())
  await Promise.all(readers.map(reader => reader.read()))
  for (let n = 0; n < 100; n++) hub.publish('t', n)
  const chunks = await Promise.all(readers.map(reader => reader.read()))
  const texts = chunks.map(({ value }) => new TextDecoder().decode(value))
  assert.equal(texts[0].match(/^data: ?/gm).length, 100)
  structuredClone(chunks[0].value, { transfer: [chunks[0].value.buffer] })
  assert.equal(chunks[1].value.length, texts[1].length)
})

test('a reader that is slow waits in the history, is bounded and told, and costs the others nothing', async () => {
  const hub = createHub({ history: { events: 10 }, slowClient: { bytes: 200_000, ms: 50, policy: 'skip' } })
  const [slow, quick] = await Promise.all([1, 2].map(() => hub.response(ask(), { topics: ['t'] })))
  const all = take(events(quick), 1000)
  for (let n = 0; n < 1000; n++) {
    hub.publish('t', `${n} ${'x'.repeat(1000)}`)
    if (n % 50 === 49) await new Promise(setImmediate)
  }
  assert.equal((await all).length, 1000)
  await eventually(() => hub.stats().heldBytes < 500_000, 'the memory is bounded')
  const stream = events(slow)
  const seen = []
  while (!dataOf(seen).includes('last')) {
    seen.push(...(await take(stream, 1)))
    if (seen.at(-1).event === 'reset') hub.publish('t', 'last')
  }
  const missed = seen.filter(({ event }) => event === 'reset').reduce((sum, { data }) => sum + JSON.parse(data).missed, 0)
  assert.equal(missed + seen.filter(({ event }) => event === undefined).length - 1, 1000)
})

test('a response that nothing reads ends by the rule for slow clients', async () => {
  const hub = createHub({ heartbeatMs: 10, slowClient: { ms: 50 } })
  const response = await hub.response(ask(), { topics: ['t'] })
  await eventually(() => hub.stats().disconnects.lagged === 1, 'it is ended')
  await assert.rejects(response.text(), { name: 'AbortError' })
})

test('the request\'s signal, `cancel`, the hub and the topics end a response', async () => {
  const hub = createHub()
  const sessions = []
  const open = more => hub.response(ask({}, more), { topics: ['t'], onConnect: session => sessions.push(session) })
  const controller = new AbortController()
  const aborted = await open({ signal: controller.signal })
  controller.abort()
  assert.equal(await sessions[0].closed, 'client')
  // For the host this is no error to log.
  assert.equal(typeof (await aborted.text()), 'string')
  await (await open()).body.cancel()
  assert.equal(await sessions[1].closed, 'client')
  const left = await hub.response(ask({}, { signal: AbortSignal.abort() }), { topics: ['t'] })
  assert.deepEqual([left.status, hub.stats().connections], [499, 0])

  const ending = await hub.response(ask(), { topics: ['answer'] })
  hub.publish('answer', 'all')
  hub.endTopic('answer')
  assert.match(await ending.text(), /data: ?all/)
  assert.equal((await hub.response(ask({ 'Last-Event-ID': 'ssecast-finished' }), { topics: ['answer'] })).status, 204)
  assert.equal((await hub.response(ask(), { topics: ['answer'] })).status, 204)

  const last = await open()
  const text = last.text()
  await hub.close({ event: { data: 'goodbye' } })
  assert.match(await text, /data: ?goodbye/)
  assert.equal(await sessions[2].closed, 'shutdown')
  const closed = await hub.response(ask(), { topics: ['t'] })
  assert.equal(closed.status, 503)
  assert.ok(closed.headers.get('retry-after'))
})

test('heartbeats are sent, and a hub that is full has a browser come back', async () => {
  const hub = createHub({ heartbeatMs: 20, maxConnections: 1 })
  const reader = (await hub.response(ask(), { topics: ['t'] })).body.getReader()
  await reader.read()
  assert.match(new TextDecoder().decode((await reader.read()).value), /^:/)
  const full = await hub.response(ask({ Accept: 'text/event-stream' }), { topics: ['t'] })
  assert.equal(full.status, 200)
  assert.match(await full.text(), /^retry: ?\d+\n\n$/)
})

test('a session of a response sends to one client alone, with backpressure, and knows the request', async () => {
  const hub = createHub()
  const request = new Request(url, { method: 'POST', body: 'two words' })
  const response = await hub.response(request, {
    async onConnect(session) {
      assert.equal(session.request, request)
      assert.equal(session.delivery, 'pull')
      await session.pipe((await session.request.text()).split(' '), { done: '[DONE]' })
      session.close()
    },
  })
  const seen = []
  for await (const { data } of events(response)) seen.push(data)
  assert.deepEqual(seen, ['two', 'words', '[DONE]'])

  let made = 0
  async function* endless() {
    for (;;) yield `${made++} ${'x'.repeat(1000)}`
  }
  const slow = await hub.response(ask(), { onConnect: session => session.pipe(endless()) })
  await eventually(() => made > 64, 'the pipe has begun')
  const before = made
  await new Promise(resolve => setTimeout(resolve, 50))
  assert.ok(made < before + 100 && made < 300, `${made}`)
  await slow.body.cancel()
})

test('HEAD, OPTIONS and methods that are not meant get what a middleware answers them', async () => {
  const hub = createHub()
  const options = { topics: ['t'], cors: 'https://app.example' }
  const head = await hub.response(ask({}, { method: 'HEAD' }), options)
  assert.deepEqual([head.status, head.body, head.headers.get('content-type')], [200, null, 'text/event-stream; charset=utf-8'])
  const origin = { Origin: 'https://app.example' }
  const preflight = await hub.response(ask({ ...origin, 'Access-Control-Request-Method': 'POST' }, { method: 'OPTIONS' }), options)
  assert.equal(preflight.status, 204)
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.example')
  assert.match(preflight.headers.get('access-control-allow-methods'), /POST/)
  const put = await hub.response(ask(origin, { method: 'PUT' }), { ...options, methods: ['GET'] })
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, OPTIONS'])
  assert.equal(put.headers.get('access-control-allow-origin'), 'https://app.example')
  assert.equal((await hub.response(ask({}, { method: 'OPTIONS' }), { topics: ['t'] })).status, 204)
  assert.equal(hub.stats().connections, 0)
})

test('a refusal has its status, headers and body, and those of CORS', async () => {
  const hub = createHub()
  const refuse = authorize => hub.response(ask({ Origin: 'https://app.example' }), { topics: ['t'], cors: (origin, request) => request.url === url, authorize })
  for (const [authorize, status, body, name, value] of [
    [() => false, 403, 'Forbidden', 'content-type', 'text/plain; charset=utf-8'],
    [async () => 401, 401, 'Unauthorized'],
    [() => ({ status: 401, headers: { 'WWW-Authenticate': 'Bearer' }, body: 'Sign in first.' }), 401, 'Sign in first.', 'www-authenticate', 'Bearer'],
    [() => ({ status: 303, headers: { Location: '/login' } }), 303, 'See Other', 'location', '/login'],
    [() => ({ status: 422, headers: { 'content-type': 'application/json' }, body: Buffer.from('{}') }), 422, '{}', 'content-type', 'application/json'],
    [() => 204, 204, ''],
  ]) {
    const response = await refuse(authorize)
    assert.deepEqual([response.status, await response.text()], [status, body])
    assert.equal(response.headers.get('access-control-allow-origin'), 'https://app.example')
    if (name) assert.equal(response.headers.get(name), value)
  }
  await assert.rejects(refuse(() => { throw new TypeError('mine') }), { message: 'mine' })
  assert.equal(hub.stats().connections, 0)
})

test('what is wrong with a response is said', async () => {
  const hub = createHub()
  for (const [request, options, message] of [
    [ask(), {}, /^topics must be given, such as \['ticks'\], or onConnect/],
    [ask(), { topics: 't' }, /^topics must be an array of strings/],
    [ask(), { topics: ['t'], release: true }, /^release is unknown; known are topics, authorize/],
    [url, { topics: ['t'] }, /^request must be a web Request, not "http/],
    [undefined, { topics: ['t'] }, /^request must be a web Request, not undefined/],
    [Object.assign(Object.create(http.IncomingMessage.prototype), { httpVersion: '1.1' }), { topics: ['t'] }, /^request must not be called with a request of node:http, which is for sseMiddleware\(hub, options\)/],
  ]) {
    await assert.rejects(hub.response(request, options), error => error.code?.startsWith('SSECAST_INVALID') && message.test(error.message) || assert.fail(error))
  }
})

test('a response goes through node:http, two clients, a cut and a resume', async t => {
  const hub = createHub()
  const { url } = await listen(t, http.createServer(async (incoming, outgoing) => {
    const left = new AbortController()
    outgoing.on('close', () => left.abort())
    const response = await hub.response(new Request(`http://localhost${incoming.url}`, { headers: incoming.headers, signal: left.signal }), { topics: ['t'] })
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    Readable.fromWeb(response.body).on('error', () => {}).pipe(outgoing)
  }))
  const streams = await Promise.all([1, 2].map(async () => events(await fetch(url))))
  const { id } = hub.publish('t', 'a')
  for (const stream of streams) assert.deepEqual(dataOf(await take(stream, 1)), ['a'])
  await streams[0].return()
  await eventually(() => hub.stats().connections === 1, 'the disconnect is noticed')
  hub.publish('t', 'b')
  assert.deepEqual(dataOf(await take(events(await fetch(url, { headers: { 'Last-Event-ID': id } })), 1)), ['b'])
  assert.deepEqual(dataOf(await take(streams[1], 1)), ['b'])
})

test('a POST that opens a stream is served by a route for POST', async t => {
  const hub = createHub()
  const app = express()
  app.post('/answer', sseMiddleware(hub, { topics: ['t'], replay: 'all', cors: ['https://app.example'] }))
  const { url } = await listen(t, http.createServer(app))
  hub.publish('t', 'answered')
  const response = await fetch(`${url}answer`, { method: 'POST', body: '{}', headers: { Origin: 'https://app.example' } })
  assert.equal(response.headers.get('access-control-allow-origin'), 'https://app.example')
  assert.deepEqual(dataOf(await take(events(response), 1)), ['answered'])
  assert.equal((await fetch(`${url}answer`)).status, 404)
})
