// The listener: a hub that is its own server.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { createHub, SsecastError } from 'ssecast'

import { join } from './support/client.mjs'
import { deferred, eventually } from './support/eventually.mjs'
import { start } from './support/processes.mjs'

const npm = fileURLToPath(new URL('..', import.meta.url))

/** A hub that listens; it ends with the test. */
async function listen(t, options, hub = createHub()) {
  const listener = await hub.listen(options)
  t.after(() => hub.close({ graceMs: 0 }))
  return { hub, listener, url: `http://127.0.0.1:${listener.port}` }
}

/** The status that a request gets. */
const status = async (url, options) => (await join(url, options)).status

/** Takes what the console is told of errors. */
function errors(t) {
  const { mock } = t.mock.method(console, 'error', () => {})
  return () => mock.calls.map(({ arguments: [error] }) => error)
}

test('a listener sends what is published in its topics', async t => {
  const { hub, listener, url } = await listen(t, { topics: ['t', 'u'] })
  assert.equal(listener.address, '127.0.0.1')
  const clients = await Promise.all([1, 2, 3].map(() => join(`${url}/any/path`)))
  for (const client of clients) {
    assert.equal(client.status, 200)
    assert.equal(client.headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.equal(client.headers['cache-control'], 'no-cache, no-transform')
  }
  await eventually(() => hub.stats().connections === 3, 'three connections')
  hub.publish('t', 'one')
  hub.publish('v', 'without a client')
  hub.publish('u', { two: 2 })
  for (const client of clients) assert.deepEqual(await client.has(2), ['one', '{"two":2}'])
})

test('the topics of a request are what a function says, at once or later', async t => {
  const seen = []
  const topics = async request => {
    seen.push(request)
    await new Promise(setImmediate)
    return [`user-${request.query.get('user')}`]
  }
  const { hub, url } = await listen(t, { topics })
  const headers = { 'X-Twice': ['a', 'b'], Cookie: 'c=1', 'X-Latin': 'caf\u00e9' }
  const client = await join(`${url}/r%C3%A9s?user=1&user=2`, { headers, lastEventId: 'gone' })
  hub.publish('user-2', 'not for 1')
  hub.publish('user-1', 'hello')
  await eventually(() => client.events.length === 2, 'a reset and an event')
  assert.deepEqual(client.data(), ['hello'])
  const [request] = seen
  assert.equal(request.method, 'GET')
  assert.equal(request.url, '/r%C3%A9s?user=1&user=2')
  assert.equal(request.path, '/rés')
  assert.deepEqual(request.query.getAll('user'), ['1', '2'])
  assert.equal(request.headers['x-twice'], 'a, b')
  assert.equal(request.headers.cookie, 'c=1')
  assert.equal(request.headers['x-latin'], 'café')
  assert.equal(request.peer.address, '127.0.0.1')
  assert.ok(request.peer.port > 0)
  assert.equal(request.lastEventId, 'gone')
})

test('a status refuses a request', async t => {
  const { hub, url } = await listen(t, { topics: ({ path }) => Number(path.slice(1)) || ['t'] })
  for (const refused of [204, 400, 401, 403, 404, 410, 429, 503]) {
    assert.equal(await status(`${url}/${refused}`), refused)
  }
  assert.equal(await status(url), 200)
  await eventually(() => hub.stats().connections === 1, 'one connection')
})

test('what authorize does not allow is answered 403, and the topics are not asked for', async t => {
  let asked = 0
  const { url } = await listen(t, {
    authorize: async ({ headers }) => headers.authorization === 'yes',
    topics: () => (asked++, ['t'])
  })
  assert.equal(await status(url), 403)
  assert.equal(await status(url, { headers: { Authorization: 'yes' } }), 200)
  assert.equal(asked, 1)
})

test('authorize decides about fixed topics, and about those that the query names', async t => {
  const authorize = ({ path }) => path === '/in'
  const fixed = await listen(t, { authorize, topics: ['t'] })
  assert.equal(await status(fixed.url), 403)
  assert.equal(await status(`${fixed.url}/in`), 200)
  const named = await listen(t, { authorize, queryTopics: true })
  assert.equal(await status(`${named.url}/?topic=t`), 403)
  assert.equal(await status(`${named.url}/in?topic=t`), 200)
  assert.equal(await status(`${named.url}/in`), 400)
  assert.equal(await status(`${named.url}/in?topic=${'x'.repeat(257)}`), 400)
  assert.equal(await status(`${named.url}/in?${'topic=t&'.repeat(65)}`), 400)
})

test('with queryTopics a client reads what it names', async t => {
  const { hub, url } = await listen(t, { queryTopics: true })
  const client = await join(`${url}/?topic=a&topic=b%20c`)
  assert.equal(await status(url), 400)
  assert.equal(await status(`${url}/?topic=${'x'.repeat(257)}`), 400)
  assert.equal(await status(`${url}/?${'topic=t&'.repeat(65)}`), 400)
  await eventually(() => hub.stats().connections === 1, 'one connection')
  hub.publish('a', 1)
  hub.publish('b c', 2)
  assert.deepEqual(await client.has(2), ['1', '2'])
})

test('a function that throws, rejects, or returns neither topics nor a status answers 500, and the error is reported', async t => {
  const reported = errors(t)
  const answers = [() => { throw new Error('thrown') }, () => Promise.reject(new Error('rejected')), () => 'topic', () => [1], () => [''], () => 200, () => 4e9, () => 403.5]
  const { hub, url } = await listen(t, { topics: ({ path }) => answers[path.slice(1)]() })
  for (const index of answers.keys()) assert.equal(await status(`${url}/${index}`), 500)
  const messages = reported().map(error => error.code ?? error.message)
  const [topic, option] = ['SSECAST_INVALID_TOPIC', 'SSECAST_INVALID_OPTION']
  assert.deepEqual(messages, ['thrown', 'rejected', topic, topic, topic, option, option, option])
  assert.equal(hub.stats().connections, 0)
})

test('a client that leaves before the answer is never registered', async t => {
  const answer = deferred()
  const asked = deferred()
  const { hub, listener, url } = await listen(t, { topics: ({ path }) => (path === '/late' ? (asked.resolve(), answer.promise) : ['t']) })
  const late = net.connect(listener.port, '127.0.0.1')
  late.write('GET /late HTTP/1.1\r\nHost: x\r\n\r\n')
  await asked.promise
  // A client that only closes its sending side still reads.
  late.resetAndDestroy()
  // The listener has heard of it when one that came later has its stream.
  const other = await join(url)
  await eventually(() => hub.stats().connections === 1, 'the other')
  answer.resolve(['t'])
  await answer.promise
  const third = await join(url)
  await eventually(() => hub.stats().connections === 2, 'the third')
  hub.publish('t', 'x')
  assert.deepEqual([await other.has(1), await third.has(1)], [['x'], ['x']])
  assert.equal(hub.stats().disconnects.client, 0)
})

test('a request that is not answered in time is answered 503, and a late answer changes nothing', async t => {
  const answer = deferred()
  const { hub, url } = await listen(t, { answerMs: 20, topics: () => answer.promise })
  const client = await join(url, { headers: { Accept: '*/*' } })
  assert.equal(client.status, 503)
  assert.match(client.headers['retry-after'], /^\d+$/)
  answer.resolve(['t'])
  await hub.close()
})

test('a client that comes back resumes where it left, by the header or by the query', async t => {
  const { hub, url } = await listen(t, { topics: ['t'] })
  const first = await join(url)
  await eventually(() => hub.stats().connections === 1, 'the connection')
  hub.publish('t', 1)
  await first.has(1)
  first.cut()
  hub.publish('t', 2)
  const { lastEventId } = first
  for (const again of [await join(url, { lastEventId }), await join(`${url}/?lastEventId=${lastEventId}`)]) {
    assert.deepEqual(await again.has(1), ['2'])
  }
})

test('HEAD gets the head of a stream and no stream; other methods and paths are refused', async t => {
  const { hub, url } = await listen(t, { path: '/events', headers: { 'X-More': 'yes' }, topics: ['t'] })
  const head = await join(`${url}/events`, { method: 'HEAD' })
  assert.equal(head.status, 200)
  assert.equal(head.headers['content-type'], 'text/event-stream; charset=utf-8')
  assert.equal(head.headers['x-more'], 'yes')
  await head.end()
  assert.equal(head.text, '')
  const posted = await join(`${url}/events`, { method: 'POST' })
  assert.deepEqual([posted.status, posted.headers.allow], [405, 'GET, HEAD, OPTIONS'])
  assert.equal(await status(`${url}/event`), 404)
  assert.equal(await status(`${url}/events`, { headers: { Accept: 'text/html' } }), 406)
  assert.equal(hub.stats().connections, 0)
})

test('when the hub is full a browser comes back, and others are answered 503', async t => {
  const { hub, url } = await listen(t, { topics: ['t'] }, createHub({ maxConnections: 1 }))
  const first = await join(url)
  const second = await join(url, { headers: { Accept: '*/*' } })
  assert.equal(second.status, 503)
  assert.match(second.headers['retry-after'], /^\d+$/)
  const browser = await (await join(url)).end()
  assert.equal(browser.status, 200)
  assert.equal(browser.retries.length, 1)
  first.cut()
  await eventually(() => hub.stats().connections === 0, 'room')
  assert.equal(await status(url, { headers: { Accept: '*/*' } }), 200)
})

test('closing a listener frees its port and leaves its streams', async t => {
  const { hub, listener, url } = await listen(t, { topics: ['t'] })
  const client = await join(url)
  await eventually(() => hub.stats().connections === 1, 'the connection')
  await Promise.all([listener.close(), listener.close()])
  await assert.rejects(join(url), { code: 'ECONNREFUSED' })
  await listener.close()
  hub.publish('t', 'still here')
  assert.deepEqual(await client.has(1), ['still here'])
  const again = await hub.listen({ port: listener.port, topics: ['t'] })
  assert.equal(again.port, listener.port)
})

test('closing the hub closes its listeners and ends their streams, those of closed ones too', async t => {
  const { hub, listener, url } = await listen(t, { topics: ['t'] })
  const early = await join(url)
  await listener.close()
  const other = await hub.listen({ topics: () => ['t'] })
  const clients = [early, ...(await Promise.all([1, 2, 3].map(() => join(`http://127.0.0.1:${other.port}`))))]
  await eventually(() => hub.stats().connections === 4, 'the connections')
  hub.publish('t', 'pending')
  await hub.close({ event: { data: 'bye' } })
  assert.equal(hub.stats().connections, 0)
  for (const client of clients) {
    await client.end()
    assert.ok(client.complete)
    assert.deepEqual(client.data(), ['pending', 'bye'])
  }
  await assert.rejects(join(`http://127.0.0.1:${other.port}`), { code: 'ECONNREFUSED' })
  await assert.rejects(hub.listen({ topics: ['t'] }), { code: 'SSECAST_CLOSED' })
})

test('a stream that takes nothing ends with the grace period, and close waits for it', async t => {
  const { hub, url } = await listen(t, { topics: ['t'] }, createHub({ slowClient: { bytes: 64 << 20 } }))
  const client = await join(url)
  client.stall()
  await eventually(() => hub.stats().connections === 1, 'the connection')
  for (let n = 0; n < 200; n++) hub.publish('t', 'x'.repeat(100_000))
  const closed = hub.close({ graceMs: 100 })
  assert.equal(hub.stats().connections, 1)
  await closed
  assert.equal(hub.stats().connections, 0)
})

test('an option that is unknown or out of range is refused by its name', async t => {
  const hub = createHub()
  const taken = net.createServer()
  await new Promise(resolve => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => taken.close())
  const topics = ['t']
  for (const [options, field, code = 'SSECAST_INVALID_OPTION'] of [
    [{}, 'topics'],
    [{ topics, queryTopics: true }, 'topics'],
    [{ topics: 't' }, 'topics'],
    [{ topics: [1] }, 'topics'],
    [{ topics: [''] }, 'topic', 'SSECAST_INVALID_TOPIC'],
    [{ topics, pfad: '/' }, 'pfad'],
    [{ topics, port: 65_536 }, 'port'],
    [{ topics, port: '80' }, 'port'],
    [{ topics, port: taken.address().port }, 'port'],
    [{ topics, host: 'no-such-host.invalid' }, 'host'],
    [{ topics, path: 'events' }, 'path'],
    [{ topics, path: 1 }, 'path'],
    [{ topics, authorize: true }, 'authorize'],
    [{ topics, headers: { 'Content-Length': '1' } }, 'headers'],
    [{ topics, headers: { a: 1 } }, 'headers'],
    [undefined, 'options'],
    [[], 'options'],
    [{ topics, port: null }, 'port'],
    [{ topics, host: 5 }, 'host'],
    [{ topics, cors: true, headers: { 'Access-Control-Allow-Origin': 'https://a.example' } }, 'headers'],
    [{ topics, maxHeadBytes: 0 }, 'maxHeadBytes'],
    [{ topics, headMs: 0 }, 'headMs'],
    [{ topics, answerMs: 0 }, 'answerMs'],
    [{ topics, maxPending: -1 }, 'maxPending']
  ]) {
    await assert.rejects(hub.listen(options), error => {
      assert.ok(error instanceof SsecastError, String(error))
      assert.deepEqual([error.code, error.field], [code, field], error.message)
      return true
    })
  }
})

test('a listener keeps its process alive until it is closed, and its hub with it', async t => {
  const child = start(t, ['--expose-gc', '--input-type=module', '--eval', `
    import { createHub } from 'ssecast'
    async function open() {
      const hub = createHub()
      const listener = await hub.listen({ topics({ path }) {
        if (path === '/close') listener.close()
        return ['t']
      } })
      hub.publish('t', 'kept')
      return listener.port
    }
    process.send(await open())
    process.channel.unref()
    for (let turn = 0; turn < 20; turn++) {
      global.gc()
      await new Promise(setImmediate)
    }
  `], { cwd: npm })
  const [port] = await once(child, 'message')
  const client = await join(`http://127.0.0.1:${port}/`, { lastEventId: 'of another life' })
  await client.has(0)
  assert.equal(child.exitCode, null, child.output)
  await join(`http://127.0.0.1:${port}/close`).catch(() => {})
  assert.equal(await child.exited, 0, child.output)
  await client.end()
})

test('process.exit() with a listener and open streams ends with its code', async t => {
  const child = start(t, ['--input-type=module', '--eval', `
    import { createHub } from 'ssecast'
    const hub = createHub()
    const { port } = await hub.listen({ topics: async () => ['t'] })
    process.send(port)
    setInterval(() => {
      hub.publish('t', 'x')
      if (hub.stats().connections === 10 && hub.stats().delivered > 1000) process.exit(7)
    }, 1)
  `], { cwd: npm })
  const [port] = await once(child, 'message')
  const clients = await Promise.all(Array.from({ length: 10 }, () => join(`http://127.0.0.1:${port}/`)))
  assert.equal(await child.exited, 7, child.output)
  for (const client of clients) await client.end()
})

test('a worker that listens can be terminated while requests come, and the rest goes on', async t => {
  const own = await listen(t, { topics: ['t'] })
  const client = await join(own.url)
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(new URL('support/listening-worker.mjs', import.meta.url))
    const [port] = await once(worker, 'message')
    const url = `http://127.0.0.1:${port}/`
    const clients = await Promise.all(Array.from({ length: 5 }, () => join(url)))
    await Promise.all(clients.map(client => client.has(3)))
    const unanswered = Array.from({ length: 5 }, () => join(`${url}never`).catch(error => error))
    await worker.terminate()
    own.hub.publish('t', `round ${round}`)
    await client.has(round + 1)
    await Promise.all(clients.map(client => client.end()))
    await Promise.all(unanswered)
    await assert.rejects(join(url), { code: 'ECONNREFUSED' })
  }
  assert.deepEqual(client.data(), ['round 0', 'round 1', 'round 2'])
})

test('authorize of a listener answers a status, headers and a body', async t => {
  const hub = createHub()
  t.after(() => hub.close({ graceMs: 0 }))
  const refusal = { status: 401, headers: { 'WWW-Authenticate': 'Bearer' }, body: 'Sign in first.' }
  const authorize = request => ({ '/': refusal, '/moved': { status: 307, headers: [['Location', '/']] }, '/no': false, '/wrong': 1 })[request.path]
  const { port } = await hub.listen({ topics: ['t'], authorize, cors: 'https://app.example' })
  const ask = path => fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', headers: { Origin: 'https://app.example' } })
  const first = await ask('/')
  assert.deepEqual([first.status, await first.text(), first.headers.get('www-authenticate')], [401, 'Sign in first.', 'Bearer'])
  assert.equal(first.headers.get('access-control-allow-origin'), 'https://app.example')
  const moved = await ask('/moved')
  assert.deepEqual([moved.status, moved.headers.get('location')], [307, '/'])
  t.mock.method(console, 'error', () => {})
  assert.deepEqual([(await ask('/no')).status, (await ask('/wrong')).status], [403, 500])
})

test('cors of a listener may be a function, which preflights and refusals wait for too', async t => {
  const hub = createHub()
  t.after(() => hub.close({ graceMs: 0 }))
  const asked = []
  const origin = async (origin, request) => {
    asked.push([request.method, request.path, request.headers.origin])
    await new Promise(setImmediate)
    if (origin === 'https://broken.example') throw new Error('as the test wants it')
    return origin === 'https://odd.example' ? 'yes' : origin === 'https://app.example'
  }
  t.mock.method(console, 'error', () => {})
  for (const topics of [['t'], () => ['t']]) {
    const { port } = await hub.listen({ topics, path: '/s', cors: { origin, credentials: true } })
    const ask = async (origin, path = '/s', options = {}) => {
      const headers = { ...(origin && { Origin: origin }), ...options.headers }
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...options, headers })
      response.body?.cancel()
      const [allowed, credentials] = ['origin', 'credentials'].map(name => response.headers.get(`access-control-allow-${name}`))
      assert.equal(response.headers.get('vary'), 'Origin')
      return [response.status, allowed, credentials]
    }
    const app = 'https://app.example'
    const preflight = { method: 'OPTIONS', headers: { 'Access-Control-Request-Method': 'GET' } }
    assert.deepEqual(await ask(app), [200, app, 'true'])
    assert.deepEqual(await ask(app, '/s', preflight), [204, app, 'true'])
    assert.deepEqual(await ask(app, '/other'), [404, app, 'true'])
    assert.deepEqual(await ask(app, '/s', { method: 'POST' }), [405, app, 'true'])
    assert.deepEqual(await ask('https://other.example'), [200, null, null])
    assert.deepEqual(await ask('https://other.example', '/s', preflight), [204, null, null])
    assert.deepEqual(await ask('https://broken.example'), [500, null, null])
    assert.deepEqual(await ask('https://odd.example'), [500, null, null])
    assert.deepEqual(asked.splice(0).length, 8)
    assert.deepEqual([await ask(undefined), asked.length], [[200, null, null], 0])
  }
})
