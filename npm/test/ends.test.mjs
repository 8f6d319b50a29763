// Every way in which a stream can end: it is noticed, and nothing of it stays.
import assert from 'node:assert/strict'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { test } from 'node:test'

import express from 'express'
import { createHub, sseMiddleware } from 'ssecast'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { certificate, listen } from './support/hosts.mjs'

const topics = ['t']
const secure = { key: certificate, cert: certificate }

const transports = {
  'http, auto': { make: http.createServer, options: {} },
  'http, released': { make: http.createServer, options: {}, release: true },
  'http, pull': { make: http.createServer, options: { delivery: 'pull' } },
  https: { make: listener => https.createServer(secure, listener), scheme: 'https', options: {} },
  http2: { make: listener => http2.createSecureServer(secure, listener), scheme: 'https', version: 2, options: {} },
}

/** A server with one place for a stream, its one client, and what the application has of it. */
async function connect(t, { make, scheme, version, release, options }, before = () => {}) {
  const hub = createHub({ heartbeatMs: null, maxConnections: 1, ...options })
  const opened = Promise.withResolvers?.() ?? withResolvers()
  let response
  const middleware = sseMiddleware(hub, { topics, release, onConnect: session => opened.resolve(session) })
  const { url, server } = await listen(t, make((request, made) => {
    response = made
    before(request, made)
    middleware(request, made)
  }), scheme)
  const client = await join(url, { version })
  const session = await opened.promise
  hub.publish('t', 'first')
  await client.has(1)
  return { hub, url, server, client, session, request: session.request, response, version }
}

function withResolvers() {
  let functions
  const promise = new Promise((resolve, reject) => (functions = { resolve, reject }))
  return { promise, ...functions }
}

/** The stream is over for everybody, its place is free, and the hub closes. */
async function gone({ hub, url, session, version }, reasons) {
  const reason = await session.closed
  assert.ok(reasons.includes(reason), reason)
  assert.ok(session.signal.aborted)
  assert.equal(session.send('too late'), false)
  await eventually(() => hub.stats().connections === 0, 'the place is free')
  const next = await join(url, { version, headers: { Accept: '*/*' } })
  assert.equal(next.status, 200)
  await hub.close({ graceMs: 100 })
  assert.equal(hub.stats().connections, 0)
}

const byClient = {
  'leaves': ({ client }) => client.cut(),
}
const byApplication = {
  'destroys the response': ({ response }) => response.destroy(),
  'destroys the request': ({ request, version }) => (version ? request.stream : request).destroy(),
  'destroys the socket': ({ request }) => request.socket.destroy(),
  'ends the socket': ({ request, version }) => (version ? request.stream.close() : request.socket.end()),
  'cuts the connections of the server': ({ server, request, version }) =>
    version ? request.stream.session.destroy() : server.closeAllConnections(),
}
const mistreatments = {
  'all listeners are removed from the response': (request, response) => response.removeAllListeners(),
  'all listeners are removed from the request': request => request.removeAllListeners(),
  'the close listeners of request, response and socket are removed': (request, response) => {
    response.removeAllListeners('close')
    request.removeAllListeners('close')
    request.removeAllListeners('aborted')
    ;(request.stream ?? request.socket).removeAllListeners('close')
  },
  'the emitters have an emit that tells nothing of an end': (request, response) => {
    for (const emitter of [request, response]) {
      const { emit } = emitter
      emitter.emit = (event, ...rest) => ['close', 'finish', 'aborted'].includes(event) || emit.call(emitter, event, ...rest)
    }
  },
}

for (const [transport, how] of Object.entries(transports)) {
  test(`${transport}: a client that leaves is noticed`, async t => {
    const opened = await connect(t, how)
    opened.client.cut()
    await gone(opened, ['client'])
  })

  // Of a released connection Node has nothing left that the application could end.
  if (how.release) continue

  for (const [what, end] of Object.entries(byApplication)) {
    test(`${transport}: a stream ends when the application ${what}`, async t => {
      const opened = await connect(t, how)
      end(opened)
      await gone(opened, ['client', 'server'])
    })
  }

  for (const [what, mistreat] of Object.entries(mistreatments)) {
    for (const when of ['before', 'after']) {
      test(`${transport}: a client that leaves is noticed when ${what} ${when} the stream begins`, async t => {
        const opened = await connect(t, how, when === 'before' ? mistreat : undefined)
        if (when === 'after') mistreat(opened.request, opened.response)
        opened.client.cut()
        await gone(opened, ['client', 'error'])
      })

      test(`${transport}: a stream can be closed when ${what} ${when} it begins`, async t => {
        const opened = await connect(t, how, when === 'before' ? mistreat : undefined)
        if (when === 'after') mistreat(opened.request, opened.response)
        opened.session.send('last')
        opened.session.close()
        assert.deepEqual((await opened.client.end()).data(), ['first', 'last'])
        await gone(opened, ['server'])
      })
    }
  }

  test(`${transport}: a slow client gets everything, though its response never emits drain`, async t => {
    const opened = await connect(t, how)
    opened.response.removeAllListeners('drain')
    opened.client.stall()
    for (let n = 0; n < 10; n++) opened.hub.publish('t', 'x'.repeat(90_000))
    opened.client.read()
    assert.equal((await opened.client.has(11)).length, 11)
    opened.client.cut()
    await gone(opened, ['client'])
  })
}

test('pull delivery: a response that the application ends is the end of the stream', async t => {
  const opened = await connect(t, transports['http, pull'])
  opened.response.end()
  await gone(opened, ['server'])
})

for (const delivery of ['auto', 'pull']) {
  /** A server whose path `/first` answers with `first`, and a client that pipelines requests of streams behind it. */
  async function pipeline(t, count, first) {
    const hub = createHub({ delivery, heartbeatMs: null })
    const sessions = []
    const middleware = sseMiddleware(hub, { topics, onConnect: session => sessions.push(session) })
    const { server } = await listen(t, http.createServer((request, response) =>
      request.url === '/first' ? first(response) : middleware(request, response)))
    const client = net.connect(server.address().port, '127.0.0.1')
    client.text = ''
    client.on('error', () => {}).on('data', data => (client.text += data))
    client.write(['/first', ...Array(count).fill('/')].map(path => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''))
    await eventually(() => sessions.length === count, 'the sessions')
    return { hub, client, sessions, server }
  }

  test(`pipelined streams whose client leaves are over, without a warning (${delivery} delivery)`, async t => {
    const warnings = []
    const warn = warning => warnings.push(warning.name)
    process.on('warning', warn)
    t.after(() => process.off('warning', warn))
    const { hub, client, sessions } = await pipeline(t, 20, () => {})
    hub.publish('t', 'x')
    client.destroy()
    for (const session of sessions) assert.equal(await session.closed, 'client')
    assert.equal(hub.stats().connections, 0)
    await hub.close()
    assert.deepEqual(warnings, [])
  })

  test(`a hub closes though a stream waits behind a response that never ends (${delivery} delivery)`, async t => {
    const { hub, sessions } = await pipeline(t, 3, response => response.write('for ever'))
    const before = performance.now()
    await hub.close({ graceMs: 100 })
    assert.ok(performance.now() - before < 5_000)
    for (const session of sessions) assert.equal(await session.closed, 'shutdown')
    assert.equal(hub.stats().connections, 0)
  })

  test(`a stream that waited for its turn comes whole, also if it was closed meanwhile (${delivery} delivery)`, async t => {
    let first
    const { hub, client, sessions } = await pipeline(t, 1, response => (first = response))
    hub.publish('t', 'while it waits')
    sessions[0].close()
    await eventually(() => hub.stats().connections === 0, 'the hub is done with it')
    first.end('first')
    await eventually(() => client.text.endsWith('0\r\n\r\n'), 'the end of the stream')
    assert.match(client.text, /first[^]*data: while it waits\n\n/)
    assert.equal(await sessions[0].closed, 'server')
    client.destroy()
  })
}

test('the grace period ends a stream whose response never ends', async t => {
  const opened = await connect(t, transports['http, pull'], (request, response) => (response.end = () => response))
  const before = performance.now()
  await opened.hub.close({ graceMs: 200 })
  assert.ok(performance.now() - before < 5_000)
  assert.equal(await opened.session.closed, 'shutdown')
  await opened.client.end()
  await new Promise(resolve => opened.server.close(resolve))
})

test('a closed stream whose response never ends is cut when the client would count as slow', async t => {
  const how = { ...transports['http, pull'], options: { delivery: 'pull', slowClient: { ms: 50 } } }
  const opened = await connect(t, how, (request, response) => (response.end = () => response))
  assert.equal(await opened.session.close(), 'server')
  await opened.client.end()
})

for (const delivery of ['auto', 'pull']) {
  const fail = async () => {
    throw new Error('of the application')
  }
  for (const [name, options, route] of [
    ['onConnect', { topics: ['t'], onConnect: fail }],
    ['a source', {}, request => request.sse.pipe((async function* () { await fail() })())],
  ]) {
    test(`what ${name} throws ends the stream with the reason error, although Express cuts the connection (${delivery})`, async t => {
      const hub = createHub({ delivery })
      const app = express().set('env', 'test')
      app.get('/', sseMiddleware(hub, options), ...(route ? [route] : []))
      const { url } = await listen(t, http.createServer(app))
      const client = await join(url)
      await client.end()
      await eventually(() => hub.stats().disconnects.error === 1, 'the reason')
      assert.equal(hub.stats().connections, 0)
    })
  }
}
