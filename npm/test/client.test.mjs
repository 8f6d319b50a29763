// What the client does beyond the scenarios: the standard's interface, the options, the ends, and what is left behind.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { createHub, sseMiddleware } from 'ssecast'
import { EventSource, EventSourceErrorEvent, SsecastError } from 'ssecast/client'

import { eventually } from './support/eventually.mjs'
import { listen } from './support/hosts.mjs'
import { start } from './support/processes.mjs'
import { QUICK, serve, source } from './support/scripted.mjs'

test('the interface is the standard one', () => {
  assert.equal(EventSource.length, 1)
  assert.equal(EventSource.name, 'EventSource')
  assert.equal(Object.prototype.toString.call(EventSource.prototype), '[object EventSource]')
  for (const target of [EventSource, EventSource.prototype]) {
    for (const [name, value] of [['CONNECTING', 0], ['OPEN', 1], ['CLOSED', 2]]) {
      assert.deepEqual(Object.getOwnPropertyDescriptor(target, name), { value, writable: false, enumerable: true, configurable: false })
    }
  }
  for (const name of ['url', 'withCredentials', 'readyState', 'onopen', 'onmessage', 'onerror']) {
    const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(EventSource.prototype, name)
    assert.deepEqual([get.name, typeof set, enumerable, configurable], [`get ${name}`, name.startsWith('on') ? 'function' : 'undefined', true, true])
    assert.throws(() => get.call({}), TypeError)
  }
  assert.deepEqual([EventSource.prototype.close.length, Object.getPrototypeOf(EventSource)], [0, EventTarget])
  assert.throws(() => EventSource('http://localhost'), TypeError)
  assert.throws(() => new EventSource(), TypeError)
  for (const url of ['/relative', 'http://this is invalid/', '', null, undefined, 1]) {
    assert.throws(() => new EventSource(url), error => error instanceof DOMException && error.name === 'SyntaxError' && error.code === 12)
  }
  assert.throws(() => new EventSource(Symbol('x')), TypeError)
  const made = new EventSource({ toString: () => 'HTTP://LOCALHOST:1/a b' }, null)
  assert.deepEqual([made.url, made.withCredentials, made.readyState, made.CONNECTING], ['http://localhost:1/a%20b', false, 0, 0])
  made.close()
  assert.equal(made.readyState, 2)
  assert.equal(new EventSource('http://localhost:1', { withCredentials: 1, signal: AbortSignal.abort() }).withCredentials, true)
})

test('events are those of the platform, in order, in handlers and listeners', async t => {
  const { url } = await serve(t, 'event: a\nid: 1\ndata: x\n\ndata: y\n\nevent: message\ndata: z\n\n')
  const one = source(t, url)
  const log = []
  const note = name => event => log.push([name, event.type, event.data, one.readyState])
  one.addEventListener('message', note('first'))
  one.onmessage = () => assert.fail('it was replaced')
  one.addEventListener('message', { handleEvent: note('last') })
  one.onmessage = note('handler')
  one.onopen = note('handler')
  one.addEventListener('a', event => {
    assert.ok(event instanceof MessageEvent)
    assert.deepEqual([event.lastEventId, event.origin, event.source, event.ports], ['1', new URL(url).origin, null, []])
    assert.deepEqual([event.bubbles, event.cancelable, event.target], [false, false, one])
    log.push('a')
  })
  one.onerror = 5
  assert.deepEqual([one.onerror, typeof one.onopen], [null, 'function'])
  await eventually(() => log.length === 8, 'all of it')
  assert.deepEqual(log, [
    ['handler', 'open', undefined, 1], 'a',
    ['first', 'message', 'y', 1], ['handler', 'message', 'y', 1], ['last', 'message', 'y', 1],
    ['first', 'message', 'z', 1], ['handler', 'message', 'z', 1], ['last', 'message', 'z', 1],
  ])
  assert.equal(one.lastEventId, '1')
})

test('a bad option is a typed error that names it', () => {
  const bad = {
    headers: [5, { 'a b': 'x' }, { a: 'x\ny' }], method: ['', 'A B', 5, 'TRACE'], body: ['x', 5, new ReadableStream()],
    fetch: [5, 'fetch'], signal: [{}, 5], retry: [5, []], idleMs: [0, -1, NaN, '5'], maxEventBytes: [0, -1, NaN, '1'],
    lastEventId: [5, 'a\nb', 'a\0b', 'a\rb'], shared: [1, 'yes'], nonsense: [1], heartbeatTimeout: [1],
  }
  for (const [field, values] of Object.entries(bad)) {
    for (const value of values) {
      assert.throws(() => new EventSource('http://localhost:1', { [field]: value }), error => {
        assert.ok(error instanceof SsecastError, String(error))
        assert.deepEqual([error.field, error.code], [field, field === 'lastEventId' && value !== 5 ? 'SSECAST_INVALID_ID' : 'SSECAST_INVALID_OPTION'])
        return error.message.startsWith(field)
      })
    }
  }
  for (const [name, value] of Object.entries({ first: -1, longest: '5', growth: 0.5, jitter: 2, statuses: [200], other: 1 })) {
    assert.throws(() => new EventSource('http://localhost:1', { retry: { [name]: value } }), { field: `retry.${name}`, code: 'SSECAST_INVALID_OPTION' })
  }
  assert.throws(() => new EventSource('http://localhost:1', 5), { field: 'options' })
})

test('headers are asked anew for every connection, and one that fails is a connection that fails', async t => {
  const { url, requests } = await serve(t, (request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end())
  let count = 0
  const causes = []
  const one = source(t, url, {
    retry: QUICK,
    headers: async () => {
      if (++count === 2) throw new Error('no token')
      return { Authorization: `Bearer ${count}` }
    },
  })
  one.onerror = ({ cause, message, error }) => causes.push([cause, /no token/.test(message), error?.message])
  await eventually(() => requests.length === 2, 'two requests')
  assert.deepEqual(requests.map(({ headers }) => headers.authorization), ['Bearer 1', 'Bearer 3'])
  assert.deepEqual(causes.slice(0, 2), [['ended', false, undefined], ['network', true, 'no token']])
})

test('an error event says why, and whether there will be another connection', async t => {
  const { url } = await serve(t, (request, response) => response.writeHead(401).end())
  const one = source(t, url)
  const [event] = await once(one, 'error')
  assert.ok(event instanceof EventSourceErrorEvent && event instanceof Event && !(event instanceof MessageEvent))
  assert.deepEqual([event.cause, event.status, event.retryIn, one.readyState, event.bubbles, event.cancelable], ['status', 401, undefined, 2, false, false])
  assert.equal(event.message, 'the server answered 401, not 200')
})

test('a scheme that can never be fetched closes the source, and a data URL is a stream', async t => {
  for (const url of ['ftp://example.not/', 'mailto:a@b.example', 'javascript:alert(1)', 'about:blank']) {
    const one = source(t, url)
    await once(one, 'error')
    assert.equal(one.readyState, 2)
  }
  const [{ data, origin }] = await once(source(t, 'data:text/event-stream,data:hello%0A%0A'), 'message')
  assert.deepEqual([data, origin], ['hello', 'null'])
})

test('close() is final, from any handler, and in the middle of a chunk', async t => {
  const { url, requests } = await serve(t, 'data: 1\n\ndata: 2\n\ndata: 3\n\n')
  for (const type of ['open', 'message']) {
    const one = source(t, url)
    const seen = []
    for (const name of ['open', 'message', 'error']) {
      one.addEventListener(name, event => {
        seen.push(event.type)
        if (event.type === type) one.close()
      })
    }
    await eventually(() => one.readyState === 2, 'its end')
    await eventually(() => requests.at(-1).socket.destroyed, 'the end of its connection')
    assert.deepEqual(seen, type === 'open' ? ['open'] : ['open', 'message'])
  }
  const late = source(t, url, { retry: QUICK, fetch: async () => { throw new Error('down') } })
  let errors = 0
  late.onerror = () => (errors++, late.close())
  await eventually(() => errors === 1, 'the error')
  await delay(250)
  assert.deepEqual([errors, late.readyState], [1, 2])
})

test('a handler that throws is reported as the platform does, and stops nothing', async t => {
  const { url } = await serve(t, 'data: 1\n\ndata: 2\n\n')
  const program = `
    const { EventSource } = await import('ssecast/client')
    const log = []
    process.on('uncaughtException', error => log.push(error.message))
    const source = new EventSource(process.env.URL_)
    source.onmessage = ({ data }) => { throw new Error('handler ' + data) }
    source.addEventListener('message', ({ data }) => {
      log.push(data)
      if (data === '2') setTimeout(() => (source.close(), console.log(log.sort().join())), 20)
    })`
  const child = start(t, ['--input-type=module', '-e', program], { cwd: new URL('..', import.meta.url), env: { URL_: url } })
  assert.equal(await child.exited, 0, child.output)
  assert.equal(child.output, '1,2,handler 1,handler 2\n')
})

test('a signal closes the source, and a closed source leaves the signal alone', async t => {
  const { url, requests } = await serve(t, 'data: 1\n\n')
  const controller = new AbortController()
  const one = source(t, url, { signal: controller.signal })
  one.onerror = () => assert.fail('no error')
  await once(one, 'message')
  controller.abort()
  assert.equal(one.readyState, 2)
  await eventually(() => requests[0].socket.destroyed, 'the end of its connection')
  const never = source(t, url, { signal: controller.signal })
  await delay(20)
  assert.deepEqual([never.readyState, requests.length], [2, 1])
})

test('a fetch that heeds no signal is left all the same, and its answer is cancelled', async t => {
  for (const given of ['late', 'silent', 'refused']) {
    let cancelled = 0
    let answer
    const answered = new Promise(resolve => (answer = resolve))
    const body = new ReadableStream({ pull() {}, cancel: () => void cancelled++ }, { highWaterMark: 0 })
    const response = new Response(body, { status: given === 'refused' ? 500 : 200, headers: { 'Content-Type': 'text/event-stream' } })
    let asked = 0
    const one = source(t, 'http://localhost:1', { fetch: () => (asked++, answered), ...(given === 'silent' && { idleMs: 50, retry: { first: 10_000 } }) })
    const errors = []
    one.onerror = ({ cause }) => errors.push(cause)
    await eventually(() => asked === 1, 'the request')
    if (given === 'late') one.close()
    answer(response)
    await eventually(() => cancelled === 1, `the answer is cancelled (${given})`)
    assert.deepEqual(errors, { late: [], silent: ['idle'], refused: ['status'] }[given])
  }
})

test('a loop over the events has them all; the server waits for it; leaving it closes the source', async t => {
  let written = 0
  const { url } = await serve(t, async (request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    for (; written < 20_000 && !response.destroyed; written++) {
      if (!response.write(`event: ${written % 2 ? 'odd' : 'message'}\ndata: ${written} ${'x'.repeat(1000)}\n\n`)) await new Promise(resolve => response.once('drain', resolve))
    }
  })
  const one = source(t, url)
  let count = 0
  for await (const { data } of one) {
    assert.equal(Number.parseInt(data), count++)
    if (count === 100) {
      let before
      // The socket's buffers are full, and nothing more is written.
      do {
        before = written
        await delay(200)
      } while (written !== before)
      assert.ok(written < 19_000, `${written} were written`)
    }
    if (count === 5000) break
  }
  assert.equal(one.readyState, 2)
  for await (const _ of one) assert.fail('it is closed')
})

test('a loop ends with the source, and says so if the server refused', async t => {
  const answer = (status) => (request, response) => response.writeHead(status).end()
  const stream = (request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: 1\n\n')
  for (const [status, ends] of [[204, undefined], [403, 'SSECAST_CLOSED']]) {
    const { url } = await serve(t, stream, answer(status))
    const seen = []
    const loop = async () => {
      for await (const { data } of source(t, url, { retry: QUICK })) seen.push(data)
    }
    const code = await loop().then(() => undefined, error => error.code)
    assert.deepEqual([seen, code], [['1'], ends])
  }
})

test('what a server asks for is kept to: a floor, a growth that an event ends, and a wait beyond what a timer can', async t => {
  const times = []
  const { url } = await serve(t, (request, response) => {
    times.push(Date.now())
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(times.length === 4 ? 'data: x\n\n' : times.length === 1 ? 'retry: 0\n\n' : '')
  })
  const waits = []
  const one = source(t, url, { retry: { jitter: 0 } })
  one.onerror = ({ retryIn }) => waits.push(retryIn)
  await eventually(() => waits.length === 5, 'five losses')
  one.close()
  assert.deepEqual(waits, [100, 200, 400, 100, 200])
  times.slice(1).forEach((time, index) => assert.ok(time - times[index] >= waits[index] - 5))

  const far = await serve(t, (request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('retry: 99999999999999999999\n\n'))
  const other = source(t, far.url, { retry: { jitter: 0 } })
  const [{ retryIn }] = await once(other, 'error')
  assert.equal(retryIn, Number.MAX_SAFE_INTEGER)
  assert.equal(other.reconnectionTime, Number.MAX_SAFE_INTEGER)
  await delay(50)
  assert.equal(far.requests.length, 1)
})

test('a stream of which there is only one is read, and then over', async () => {
  const stream = new Blob(['\ufeffid: 4\nretry: 5000\ndata: a\n\n']).stream()
  const one = EventSource.fromReadableStream(stream)
  assert.deepEqual([one.url, one.readyState, one.withCredentials, one.reconnectionTime > 0], ['about:event-stream', 0, false, true])
  const ended = once(one, 'error')
  const [{ data, origin }] = await once(one, 'message')
  assert.deepEqual([data, origin, one.lastEventId, one.reconnectionTime], ['a', 'null', '4', 5000])
  await ended
  assert.equal(one.readyState, 2)
  assert.throws(() => EventSource.fromReadableStream(stream), TypeError)
})

test('without Web Locks a shared source has a connection of its own', async t => {
  if (globalThis.navigator?.locks) return t.skip('this Node has Web Locks')
  const { url } = await serve(t, 'data: 1\n\n')
  const [{ data }] = await once(source(t, url, { shared: true }), 'message')
  assert.equal(data, '1')
})

test('twenty clients that are cut a thousand times in a storm of events have each of them once', { timeout: 120_000 }, async t => {
  const hub = createHub({ retryMs: 100, history: { events: 1_000_000, bytes: 1 << 28 }, slowClient: { bytes: 1 << 26, ms: 60_000 } })
  t.after(() => hub.close())
  const sessions = new Set()
  const { url } = await listen(t, http.createServer(sseMiddleware(hub, {
    topics: ['numbers'],
    onConnect: session => {
      sessions.add(session)
      session.closed.then(() => sessions.delete(session))
    },
  })))
  const CLIENTS = 20
  const CUTS = 50
  const clients = Array.from({ length: CLIENTS }, () => {
    const one = { source: source(t, url, { retry: { first: 100, growth: 1, jitter: 0.2 } }), last: 0, count: 0, losses: 0 }
    one.source.onmessage = ({ data }) => {
      one.count++
      // In order, and so each once.
      assert.equal(Number(data), one.last + 1)
      one.last++
    }
    one.source.onerror = () => one.losses++
    return one
  })
  await eventually(() => sessions.size === CLIENTS, 'all are there')
  let published = 0
  let cuts = 0
  // All are cut at once, as soon as they are all back; each one waits 100 ms at least.
  while (cuts < CLIENTS * CUTS) {
    for (let count = 0; count < 20; count++) hub.publish('numbers', ++published)
    await delay(2)
    if (sessions.size < CLIENTS) continue
    for (const session of sessions) {
      session.request.socket.destroy()
      cuts++
    }
    await eventually(() => sessions.size === 0, 'they are cut')
  }
  await eventually(() => clients.every(({ last }) => last === published), 'all have the last one', 60_000)
  // A connection that is cut before the head of its answer came, fetch may make again by itself.
  for (const { count, losses } of clients) assert.ok(count === published && losses > CUTS * 0.8, `${count} of ${published}, ${losses} losses`)
  t.diagnostic(`${cuts} cuts, ${published} events`)
})

test('what is imported and what is required is one implementation', () => {
  assert.equal(createRequire(import.meta.url)('ssecast/client').EventSource, EventSource)
})
