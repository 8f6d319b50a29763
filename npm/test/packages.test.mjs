// The middleware behind and beside packages that wrap the response, or make one of their own.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import http from 'node:http'
import { Duplex, PassThrough } from 'node:stream'
import { test } from 'node:test'

import compression from 'compression'
import express from 'express'
import express4 from 'express4'
import expressSession from 'express-session'
import Koa from 'koa'
import koaSession from 'koa-session'
import Koa2 from 'koa2'
import inject from 'light-my-request'
import morgan from 'morgan'
import mocks from 'node-mocks-http'
import onFinished from 'on-finished'
import onHeaders from 'on-headers'
import serverless from 'serverless-http'
import { createHub, sseMiddleware } from 'ssecast'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { listen } from './support/hosts.mjs'

const topics = ['t']

for (const [version, make] of Object.entries({ 4: express4, 5: express })) {
  test(`Express ${version} with express-session, morgan, compression, on-headers and on-finished`, async t => {
    const hub = createHub({ heartbeatMs: null })
    const [sessions, lines, finished] = [[], [], []]
    const app = make()
    app.use(morgan(':method :status :res[content-type]', { stream: { write: line => lines.push(line) } }))
    app.use(expressSession({ secret: 'x', resave: true, saveUninitialized: true, rolling: true }))
    app.use(compression({ threshold: 0 }))
    app.use((request, response, next) => {
      onHeaders(response, () => response.setHeader('X-Late', 'yes'))
      onFinished(response, () => finished.push(response))
      next()
    })
    app.get('/', sseMiddleware(hub, { topics, onConnect: session => sessions.push(session) }))
    const { url, server } = await listen(t, http.createServer(app))

    const clients = await Promise.all(Array.from({ length: 5 }, () => join(url)))
    for (const { headers } of clients) {
      assert.match(headers['set-cookie'][0], /^connect\.sid=/)
      assert.equal(headers['x-late'], 'yes')
    }
    clients[1].cut()
    await eventually(() => hub.stats().connections === 4, 'the one that left is gone')
    const closed = sessions.find(session => !session.signal.aborted).close()
    hub.publish('t', 'after one was closed')
    assert.equal(await closed, 'server')
    await eventually(() => clients.filter(client => client.complete).length === 1, 'its client has the end')
    for (const client of clients.filter(client => !client.ended)) assert.deepEqual(await client.has(1), ['after one was closed'])
    await hub.close({ event: { data: 'bye' } })
    for (const client of [...clients.slice(0, 1), ...clients.slice(2)]) assert.ok((await client.end()).complete)
    await eventually(() => finished.length === 5 && lines.length === 5, 'each is told of')
    assert.ok(lines.includes('GET 200 text/event-stream; charset=utf-8\n'), lines.join(''))
    await new Promise(resolve => server.close(resolve))
  })
}

for (const [version, Make] of Object.entries({ 2: Koa2, 3: Koa })) {
  test(`Koa ${version} with koa-session, whose cookie is set after the stream's middleware`, async t => {
    const hub = createHub()
    const app = new Make()
    app.keys = ['x']
    const errors = []
    app.on('error', error => errors.push(error))
    app.use(koaSession({ rolling: true }, app))
    app.use((context, next) => {
      context.session.views = (context.session.views ?? 0) + 1
      return next()
    })
    app.use(sseMiddleware(hub, { topics }))
    const { url } = await listen(t, http.createServer(app.callback()))
    const client = await join(url)
    assert.match(client.headers['set-cookie'][0], /^koa\.sess=/)
    hub.publish('t', 'x')
    assert.deepEqual(await client.has(1), ['x'])
    await hub.close()
    await client.end()
    assert.deepEqual(errors, [])
  })
}

const wrappers = {
  'write that returns nothing': response => {
    const { write } = response
    response.write = (...parameters) => void write.apply(response, parameters)
  },
  'write and end that drop further arguments': response => {
    const { write, end } = response
    response.write = chunk => write.call(response, chunk)
    response.end = chunk => end.call(response, chunk)
  },
  'end that ends later': response => {
    const { end } = response
    response.end = (...parameters) => void setTimeout(() => end.apply(response, parameters), 20)
  },
  'end that throws': response => {
    response.end = () => { throw new Error('on purpose') }
  },
  'setTimeout that wants its callback': response => {
    response.setTimeout = (ms, callback) => response.on('timeout', callback)
  },
  'on that takes no listeners': response => {
    response.on = response.once = response.addListener = () => response
  },
  'a socket with a write of its own': response => {
    const { write } = response.socket
    response.socket.write = function (...parameters) {
      response.counted = (response.counted ?? 0) + 1
      return write.apply(this, parameters)
    }
  },
  'a socket with a _write of its own': response => {
    const { _writeGeneric } = response.socket
    response.socket._writeGeneric = function (...parameters) {
      response.counted = (response.counted ?? 0) + 1
      return _writeGeneric.apply(this, parameters)
    }
  },
}

for (const delivery of ['auto', 'pull']) {
  for (const [what, wrap] of Object.entries(wrappers)) {
    test(`a response with ${what} gets all of its stream, and so do others (${delivery} delivery)`, async t => {
      const hub = createHub({ delivery, heartbeatMs: null })
      const sessions = []
      const responses = []
      const middleware = sseMiddleware(hub, { topics, onConnect: session => sessions.push(session) })
      const { url, server } = await listen(t, http.createServer((request, response) => {
        responses.push(response)
        if (request.url === '/wrapped') wrap(response)
        middleware(request, response)
      }))
      const [before, wrapped, behind] = [await join(url), await join(`${url}wrapped`), await join(url)]
      for (let n = 0; n < 50; n++) hub.publish('t', `${n} ${'x'.repeat(3000)}`)
      for (const client of [before, wrapped, behind]) assert.equal((await client.has(50)).length, 50)
      if (what.startsWith('a socket')) assert.ok(responses[1].counted > 1, 'it sees what is written')
      const closed = sessions[1].close()
      hub.publish('t', 'only for the others')
      assert.equal(await closed, 'server')
      await wrapped.end()
      assert.ok(wrapped.complete)
      for (const client of [before, behind]) assert.equal((await client.has(51)).at(-1), 'only for the others')
      await hub.close()
      await new Promise(resolve => server.close(resolve))
    })
  }

  test(`a write that throws costs its own client alone (${delivery} delivery)`, async t => {
    const hub = createHub({ delivery, heartbeatMs: null })
    const sessions = []
    const middleware = sseMiddleware(hub, { topics, onConnect: session => sessions.push(session) })
    const { url } = await listen(t, http.createServer((request, response) => {
      if (request.url === '/throws') response.write = () => { throw new Error('on purpose') }
      middleware(request, response)
    }))
    const clients = [await join(url), await join(`${url}throws`).catch(() => {}), await join(url)]
    assert.equal(await sessions[1].closed, 'error')
    for (const text of ['one', 'two', 'three']) hub.publish('t', text)
    for (const client of [clients[0], clients[2]]) assert.deepEqual(await client.has(3), ['one', 'two', 'three'])
    assert.equal(hub.stats().connections, 2)
  })
}

test('light-my-request gets a stream that ends', async () => {
  const hub = createHub()
  const answer = async session => {
    await session.pipe(['one', 'two'])
    session.close()
  }
  const whole = await inject(sseMiddleware(hub, { onConnect: answer }), { method: 'GET', url: '/' })
  assert.equal(whole.statusCode, 200)
  assert.match(whole.payload, /data: one\n\ndata: two\n\n$/)
  assert.equal(hub.stats().connections, 0)
})

test('light-my-request gets a stream while it goes on, and leaves it', async () => {
  const hub = createHub()
  const response = await inject(sseMiddleware(hub, { topics }), { method: 'GET', url: '/', payloadAsStream: true })
  let text = ''
  const stream = response.stream().on('data', data => (text += data))
  hub.publish('t', 'live')
  await eventually(() => text.includes('data: live\n\n'), 'the event')
  stream.destroy()
  await hub.close({ graceMs: 100 })
  assert.equal(hub.stats().connections, 0)
})

for (const [name, options] of Object.entries({ 'with an emitter': { eventEmitter: EventEmitter }, 'without an emitter': {} })) {
  test(`node-mocks-http ${name} gets a stream that ends`, async () => {
    const hub = createHub()
    const { req, res } = mocks.createMocks({ method: 'GET', url: '/' }, options)
    let session
    await sseMiddleware(hub, { topics, onConnect: opened => (session = opened) })(req, res)
    assert.equal(res.statusCode, 200)
    assert.match(res.getHeader('Content-Type'), /event-stream/)
    hub.publish('t', 'x')
    session.close()
    await eventually(() => res._isEndCalled(), 'the end')
    assert.equal(await session.closed, 'server')
    assert.ok(res._getBuffer().includes('data: x\n\n'))
    await hub.close()
    assert.equal(hub.stats().connections, 0)
  })
}

test('serverless-http gets a stream that ends', async () => {
  const hub = createHub()
  const app = express().get('/', sseMiddleware(hub, { onConnect: session => session.send('once') && session.close() }))
  const { statusCode, body } = await serverless(app)({ httpMethod: 'GET', path: '/', headers: {}, requestContext: {} }, {})
  assert.equal(statusCode, 200)
  assert.match(body, /data: once\n\n$/)
  assert.equal(hub.stats().connections, 0)
})

test('a connection that is any duplex carries a stream, and its end is noticed', async () => {
  const hub = createHub({ heartbeatMs: null })
  const server = http.createServer(sseMiddleware(hub, { topics }))
  for (const end of [tunnel => tunnel.destroy(), tunnel => tunnel.push(null)]) {
    let text = ''
    const tunnel = new Duplex({ read() {}, write: (chunk, encoding, done) => ((text += chunk), done()) })
    server.emit('connection', tunnel)
    tunnel.push('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await eventually(() => text.includes('text/event-stream'), 'the head')
    hub.publish('t', 'through the tunnel')
    await eventually(() => text.includes('data: through the tunnel\n\n'), 'the event')
    end(tunnel)
    await eventually(() => hub.stats().connections === 0, 'the end')
  }
  await hub.close()
})

test('a response on a sink that knows nothing of sockets carries a stream', async () => {
  const hub = createHub()
  const request = Object.assign(new http.IncomingMessage(null), { method: 'GET', url: '/', headers: {} })
  const response = new http.ServerResponse(request)
  const sink = new PassThrough()
  response.assignSocket(sink)
  await sseMiddleware(hub, { onConnect: session => session.send('injected') && session.close() })(request, response)
  let text = ''
  sink.on('data', data => (text += data))
  await eventually(() => text.includes('data: injected\n\n'), 'the event')
  await hub.close({ graceMs: 100 })
})

for (const delivery of ['auto', 'pull']) {
  test(`a time-out of the application's ends a stream that is idle, and none that is busy (${delivery} delivery)`, async t => {
    const hub = createHub({ delivery, heartbeatMs: null })
    const sessions = []
    const onConnect = session => {
      sessions.push(session)
      session.request.socket.setTimeout(300)
    }
    const { url } = await listen(t, http.createServer(sseMiddleware(hub, { topics: ({ url }) => [url.slice(1)], onConnect })))
    const [busy, idle] = [await join(`${url}busy`), await join(`${url}idle`)]
    let count = 0
    const timer = setInterval(() => hub.publish('busy', count++), 20)
    t.after(() => clearInterval(timer))
    await eventually(() => idle.ended, 'the end of the idle one')
    const had = count
    await eventually(() => count > had + 40, 'more than twice the time')
    assert.equal(busy.ended, false)
    clearInterval(timer)
    await busy.end()
    assert.equal(busy.data().length, count)
    assert.equal(hub.stats().disconnects.client, 2)
  })
}
