// Socket delivery and pull delivery: when each is chosen, and that they are the same on the wire.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { test } from 'node:test'

import { createHub, sseMiddleware, SsecastError } from 'ssecast'

import { join } from './support/client.mjs'
import { deferred, eventually } from './support/eventually.mjs'
import { certificate, listen } from './support/hosts.mjs'

/** Serves streams, and hands the test each session. */
async function serve(t, { hub = createHub(), server = http.createServer(), scheme, before, ...options } = {}) {
  const sessions = []
  const middleware = sseMiddleware(hub, { topics: ['news'], onConnect: session => sessions.push(session), ...options })
  server.on('request', (request, response) => {
    before?.(request, response)
    middleware(request, response)
  })
  t.after(() => hub.close({ graceMs: 0 }))
  return { hub, sessions, middleware, ...(await listen(t, server, scheme)) }
}

/** A connection that sends requests one after the other and sees every byte that comes. */
function raw(url) {
  const socket = net.connect(new URL(url).port, '127.0.0.1').setEncoding('latin1')
  let bytes = ''
  let arrived = () => {}
  socket.on('error', () => {})
  socket.on('data', text => {
    bytes += text
    arrived()
  })
  return {
    socket,
    /** Sends a request; resolves with all that has come once that matches. */
    async get(path, end) {
      bytes = ''
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      while (!end.test(bytes)) await new Promise(resolve => (arrived = resolve))
      return bytes
    },
  }
}

test('an engine thread writes a plain response', async t => {
  const { hub, sessions, url } = await serve(t)
  const client = await join(url)
  await eventually(() => client.lastEventId, 'the cursor')
  assert.equal(sessions[0].delivery, 'socket')
  hub.publish('news', 'one')
  assert.deepEqual(await client.has(1), ['one'])
})

const untouchable = {
  'the hub asks for pull delivery': () => ({ hub: createHub({ delivery: 'pull' }) }),
  'the connection is encrypted': () => ({
    server: https.createServer({ key: certificate, cert: certificate }),
    scheme: 'https',
  }),
  'the protocol is HTTP/2': () => ({ server: http2.createServer(), version: 2 }),
  'the response is compressed': () => ({ before: (_, response) => response.setHeader('Content-Encoding', 'identity') }),
  'a middleware wraps write': () => ({ before: (_, response) => (response.write = response.write.bind(response)) }),
  'a middleware wraps end': () => ({ before: (_, response) => (response.end = response.end.bind(response)) }),
}
for (const [reason, make] of Object.entries(untouchable)) {
  test(`the event loop writes when ${reason}`, async t => {
    const { version, ...options } = make()
    const { hub, sessions, url } = await serve(t, options)
    const client = await join(url, { version })
    await eventually(() => client.lastEventId, 'the cursor')
    assert.equal(sessions[0].delivery, 'pull')
    hub.publish('news', 'one')
    assert.deepEqual(await client.has(1), ['one'])
  })
}

test('both deliveries write the same bytes', async t => {
  const bodies = []
  for (const delivery of ['auto', 'pull']) {
    const hub = createHub({ delivery, history: { events: 2 } })
    const { sessions, url } = await serve(t, { hub, onConnect: undefined })
    const first = hub.publish('news', 'a')
    for (const data of ['b', { c: [1, 2] }, 'd\r\ne\rf\ng']) hub.publish('news', data, { event: 'x', retry: 5, comment: 'c' })
    const client = await join(url, { lastEventId: first.id.replace(/\d+$/, '0') })
    await client.has(2)
    hub.publish('other', 'not for it')
    hub.publish('news', 'ü 🎈\u2028', { id: 'mine' })
    await client.has(3)
    await hub.close({ event: { event: 'bye', data: 'b' } })
    await client.end()
    assert.ok(client.complete)
    assert.equal(sessions.length, 0)
    bodies.push(client.text.replaceAll(/^id: \w{10}-/gm, 'id: epoch-').replace(/^retry: (2|3)\d{3}$/gm, 'retry: jittered'))
  }
  assert.equal(bodies[0], bodies[1])
  assert.match(bodies[0], /"reason":"expired","missed":2/)
})

test('writing by hand to a response that an engine thread writes is an error', async t => {
  const { sessions, url } = await serve(t, {
    before: (_, response) => (serve.response = response),
  })
  const client = await join(url)
  await eventually(() => sessions.length > 0, 'a session')
  for (const method of ['write', 'end']) {
    assert.throws(
      () => serve.response[method]('data: forged\n\n'),
      error => error instanceof SsecastError && error.code === 'SSECAST_ATTACHED' && /session/.test(error.message)
    )
  }
  sessions[0].close()
  await client.end()
  assert.ok(client.complete)
  assert.deepEqual(client.events, [])
})

test('a healthy stream outlives the idle time-outs of the server', async t => {
  const server = http.createServer()
  server.timeout = 50
  const { hub, url } = await serve(t, { server, hub: createHub({ heartbeatMs: null }) })
  const client = await join(url)
  // The same time-out cuts idle connections: one that began later is gone, twice over.
  for (let round = 0; round < 2; round++) {
    await new Promise(resolve => raw(url).socket.on('close', resolve))
  }
  hub.publish('news', 'still here')
  assert.deepEqual(await client.has(1), ['still here'])
})

test('not one byte of a stream follows its end, 10,000 times under load', async t => {
  const hub = createHub({ history: { events: 10 } })
  const streams = sseMiddleware(hub, { topics: ['news'], onConnect: session => session.send('bye') && session.close() })
  const server = http.createServer((request, response) => {
    if (request.url === '/plain') response.end('plain')
    else streams(request, response)
  })
  const { url } = await listen(t, server)
  let storm = true
  const publish = () => {
    for (let n = 0; n < 5; n++) hub.publish('news', 'x'.repeat(100))
    if (storm) setImmediate(publish)
  }
  publish()
  const loop = async connection => {
    for (let round = 0; round < 1250; round++) {
      assert.match(await connection.get('/stream', /\r\n0\r\n\r\n$/), /data: bye/)
      assert.match(await connection.get('/plain', /plain$/), /^HTTP\/1\.1 200 OK\r\n(?:[\w-]+: [^\r]*\r\n)+\r\nplain$/)
    }
    connection.socket.destroy()
  }
  await Promise.all(Array.from({ length: 8 }, () => loop(raw(url))))
  storm = false
  await eventually(() => hub.stats().connections === 0, 'no connection')
  assert.equal(hub.stats().disconnects.server, 10_000)
})

test('every descriptor is given back after 10,000 connections, half of them reset', async t => {
  const { hub, url } = await serve(t)
  // Only Linux lists them.
  const open = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0)
  const round = async count => {
    const connections = Array.from({ length: count }, () => raw(url))
    await Promise.all(connections.map(connection => connection.get('/stream', /\nid: /)))
    hub.publish('news', 'x')
    connections.forEach(({ socket }, n) => (n % 2 ? socket.resetAndDestroy() : socket.destroy()))
    await eventually(() => hub.stats().connections === 0, 'no connection')
  }
  await round(100)
  const before = await eventually(() => (open() < 60 ? open() + 1 : 0), 'closed sockets')
  for (let n = 0; n < 20; n++) await round(500)
  await eventually(() => open() < before, `fewer than ${before} descriptors`)
})

for (const delivery of ['auto', 'pull']) {
  test(`no event is lost or doubled by clients that are cut and resume during a storm (${delivery})`, async t => {
    const hub = createHub({ delivery, history: { events: 100_000, bytes: null } })
    const { url } = await serve(t, { hub })
    const total = 3000
    let published = 0
    const follow = async () => {
      const seen = []
      let lastEventId = `${hub.publish('other', 0).id.split('-')[0]}-0`
      while (seen.length < total) {
        const client = await join(url, { lastEventId })
        const upTo = Math.min(total, seen.length + 1 + Math.floor(Math.random() * 300))
        await eventually(() => seen.length + client.events.length >= upTo, 'some more events')
        client.cut()
        assert.deepEqual(client.resets, [])
        seen.push(...client.data())
        lastEventId = client.lastEventId
      }
      return seen
    }
    const clients = Array.from({ length: 20 }, follow)
    const storm = setInterval(() => {
      for (let n = 0; n < 15 && published < total; n++) hub.publish('news', published++)
    }, 1)
    t.after(() => clearInterval(storm))
    const expected = Array.from({ length: total }, (_, n) => String(n))
    for (const seen of await Promise.all(clients)) assert.deepEqual(seen, expected)
  })
}

test('a released stream needs no socket of Node, and its end is still told', async t => {
  const { hub, server, sessions, url } = await serve(t, { release: true })
  const [stays, leaves, ends] = [await join(url), await join(url), await join(url)]
  await eventually(() => sessions.length === 3, 'the sessions')
  await eventually(() => new Promise(resolve => server.getConnections((_, count) => resolve(count === 0))), 'no socket')
  hub.publish('news', 'one')
  for (const client of [stays, leaves, ends]) assert.deepEqual(await client.has(1), ['one'])
  leaves.cut()
  assert.equal(await sessions[1].closed, 'client')
  sessions[2].send('last')
  assert.equal(await sessions[2].close(), 'server')
  assert.deepEqual(await (await ends.end()).data(), ['one', 'last'])
  assert.ok(ends.complete)
  hub.publish('news', 'two')
  assert.deepEqual(await stays.has(2), ['one', 'two'])
  await hub.close()
  assert.equal(await sessions[0].closed, 'shutdown')
  assert.ok((await stays.end()).complete)
})

for (const delivery of ['auto', 'pull']) {
  test(`the hub counts a connection no more once its session is closed (${delivery})`, async t => {
    const { hub, sessions, url } = await serve(t, { hub: createHub({ delivery }) })
    for (let round = 0; round < 20; round++) {
      const client = await join(url)
      const session = await eventually(() => sessions.pop(), 'a session')
      if (round % 2) client.cut()
      else session.close()
      const reason = await session.closed
      assert.equal(hub.stats().connections, 0)
      assert.equal(hub.stats().disconnects[reason], Math.floor(round / 2) + 1)
    }
  })
}

test('what waits behind a slow client does not hold up the response of the next', async t => {
  const { hub, url } = await serve(t)
  const stalled = await join(url)
  stalled.stall()
  const quick = await join(url)
  const done = deferred()
  let sent = 0
  const publish = () => {
    hub.publish('news', 'x'.repeat(10_000))
    if (++sent < 60) setImmediate(publish)
    else done.resolve()
  }
  publish()
  await done.promise
  assert.equal((await quick.has(60)).length, 60)
  stalled.read()
  assert.equal((await stalled.has(60)).length, 60)
})
