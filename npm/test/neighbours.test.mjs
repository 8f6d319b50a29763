// The middleware beside others that touch the same response or connection.
import assert from 'node:assert/strict'
import http from 'node:http'
import http2 from 'node:http2'
import { test } from 'node:test'

import compression from 'compression'
import cors from 'cors'
import express from 'express'
import express4 from 'express4'
import { createHub, sseMiddleware } from 'ssecast'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { certificate, listen, serve } from './support/hosts.mjs'

const topics = ['t']
const GZIP = { 'Accept-Encoding': 'gzip' }

for (const [version, make] of Object.entries({ 4: express4, 5: express })) {
  test(`compression() before the middleware in Express ${version} does not hold events back`, async t => {
    const hub = createHub()
    const app = make().use(compression({ threshold: 0 }))
    app.get('/page', (request, response) => response.type('html').send('page '.repeat(1000)))
    app.get('/stream', sseMiddleware(hub, { topics }))
    const { url } = await listen(t, http.createServer(app))

    assert.equal((await join(`${url}page`, { headers: GZIP })).headers['content-encoding'], 'gzip')
    const client = await join(`${url}stream`, { headers: GZIP })
    assert.equal(client.headers['content-encoding'], undefined)
    for (let count = 1; count <= 5; count++) {
      hub.publish('t', String(count))
      assert.equal((await client.has(count)).at(-1), String(count))
    }
    client.cut()
    await eventually(() => hub.stats().connections === 0, 'the client is gone')
  })
}

test('the headers of the cors package stay', async t => {
  const app = express().use(cors({ origin: 'https://example.com', credentials: true, exposedHeaders: ['X-Mine'] }))
  app.get('/', sseMiddleware(createHub(), { topics }))
  const { url } = await listen(t, http.createServer(app))
  const { headers } = await join(url, { headers: { Origin: 'https://example.com' } })

  assert.equal(headers['access-control-allow-origin'], 'https://example.com')
  assert.equal(headers['access-control-allow-credentials'], 'true')
  assert.equal(headers['access-control-expose-headers'], 'X-Mine')
  assert.equal(headers.vary, 'Origin')
  assert.match(headers['content-type'], /event-stream/)
})

test('the cookies of a session that Express sets stay', async t => {
  const app = express()
  app.use((request, response, next) => {
    response.cookie('session', 'abc', { httpOnly: true })
    next()
  })
  app.get('/', sseMiddleware(createHub(), { topics }))
  const { url } = await listen(t, http.createServer(app))
  assert.deepEqual((await join(url)).headers['set-cookie'], ['session=abc; Path=/; HttpOnly'])
})

test('more headers come from a function of the request', async t => {
  const { url } = await serve(t, createHub(), { topics, headers: request => ({ 'X-Path': request.url }) })
  assert.equal((await join(`${url}a/b`)).headers['x-path'], '/a/b')
})

test('topics and the last event ID come from functions of the request', async t => {
  const hub = createHub()
  const { id } = hub.publish('a', 'seen')
  hub.publish('a', 'missed')
  hub.publish('b', 'of another topic')
  const query = (request, name) => new URL(request.url, 'http://localhost').searchParams.get(name)
  const { url } = await serve(t, hub, {
    topics: async request => query(request, 'topics').split(','),
    lastEventId: request => query(request, 'since')
  })
  const client = await join(`${url}?topics=a&since=${id}`)
  assert.deepEqual(await client.has(1), ['missed'])
  hub.publish('b', 'not for it')
  hub.publish('a', 'live')
  assert.deepEqual(await client.has(2), ['missed', 'live'])
})

test('one HTTP/2 server with ALPN serves HTTP/1 and HTTP/2 clients', async t => {
  const hub = createHub()
  const options = { key: certificate, cert: certificate, allowHTTP1: true }
  const { url } = await listen(t, http2.createSecureServer(options, sseMiddleware(hub, { topics })), 'https')
  const [one, two] = [await join(url), await join(url, { version: 2 })]
  assert.equal(hub.publish('t', 'both').subscribers, 2)
  assert.deepEqual(await one.has(1), ['both'])
  assert.deepEqual(await two.has(1), ['both'])
  one.cut()
  two.cut()
  await eventually(() => hub.stats().connections === 0, 'both are gone')
})

test('a hundred streams of one HTTP/2 connection each get every event, and each can be left alone', async t => {
  const hub = createHub()
  const { url } = await listen(t, http2.createServer(sseMiddleware(hub, { topics })))
  const session = http2.connect(url)
  t.after(() => session.destroy())
  const clients = await Promise.all(Array.from({ length: 100 }, () => join(url, { version: 2, session })))
  hub.publish('t', 'one')
  await Promise.all(clients.map(client => client.has(1)))
  clients.slice(0, 50).forEach(client => client.cut())
  await eventually(() => hub.stats().connections === 50, 'half of them are gone')
  hub.publish('t', 'two')
  for (const client of clients.slice(50)) assert.deepEqual(await client.has(2), ['one', 'two'])
})

test('two hubs beside each other keep their events apart', async t => {
  const [a, b] = [createHub(), createHub()]
  const app = express()
  app.get('/a', sseMiddleware(a, { topics }))
  app.get('/b', sseMiddleware(b, { topics }))
  const { url } = await listen(t, http.createServer(app))
  const [ofA, ofB] = [await join(`${url}a`), await join(`${url}b`)]
  a.publish('t', 'a')
  b.publish('t', 'b')
  assert.deepEqual(await ofA.has(1), ['a'])
  assert.deepEqual(await ofB.has(1), ['b'])
  await a.close()
  await ofA.end()
  b.publish('t', 'b again')
  assert.deepEqual(await ofB.has(2), ['b', 'b again'])
  assert.notEqual(ofA.lastEventId.split('-')[0], ofB.lastEventId.split('-')[0])
})

test('a middleware without a hub makes one', async t => {
  const middleware = sseMiddleware({ topics })
  const { url } = await listen(t, http.createServer(middleware))
  const client = await join(url)
  middleware.hub.publish('t', 'x')
  assert.deepEqual(await client.has(1), ['x'])
  assert.notEqual(sseMiddleware().hub, sseMiddleware().hub)
})

test('nothing of a stream reaches the next response of a connection that is kept alive', async t => {
  const hub = createHub()
  const app = express()
  app.get('/stream', sseMiddleware(hub, { topics, onConnect: session => sessions.push(session) }))
  app.get('/page', (request, response) => response.send(`page of ${request.socket.remotePort}`))
  const sessions = []
  const { url } = await listen(t, http.createServer(app))
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  let page
  for (let round = 0; round < 5; round++) {
    const stream = await join(`${url}stream`, { agent })
    hub.publish('t', 'one')
    const closed = sessions.pop().close()
    hub.publish('t', 'too late')
    await stream.end()
    assert.equal(await closed, 'server')
    assert.ok(stream.complete)
    assert.deepEqual(stream.data(), ['one'])
    hub.publish('t', 'too late as well')
    const next = await (await join(`${url}page`, { agent })).end()
    assert.match(next.text, /^page of \d+$/)
    page ??= next.text
    assert.equal(next.text, page, 'it is one connection')
  }
})
