import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createHub } from 'ssecast'

import { join } from './support/client.mjs'
import { deferred, eventually } from './support/eventually.mjs'
import { hosts } from './support/hosts.mjs'

const topics = ['t']

for (const host of hosts) {
  const { name, start, version } = host

  test(`every client of ${name} gets every event in order, and none after it left`, async t => {
    const hub = createHub()
    const { url } = await start(t, hub, { topics })
    const clients = await Promise.all(Array.from({ length: 10 }, () => join(url, { version })))
    const data = Array.from({ length: 50 }, (_, index) => String(index))

    data.slice(0, 25).forEach(text => hub.publish('t', text))
    await Promise.all(clients.map(client => client.has(25)))
    clients[0].cut()
    await eventually(() => hub.stats().connections === 9, 'the first client is gone')
    const published = data.slice(25).map(text => hub.publish('t', text))

    assert.equal(published[0].subscribers, 9)
    for (const client of clients.slice(1)) assert.deepEqual(await client.has(50), data)
    assert.equal(clients[1].events[49].id, published[24].id)
    assert.equal(clients[0].events.length, 25)
    assert.equal(hub.stats().disconnects.client, 1)
  })

  test(`${name} sends the head of an event stream, and keeps the headers set before`, async t => {
    const hub = createHub()
    const { url } = await start(t, hub, { topics, headers: { 'X-Mine': 'yes' } }, {
      before(response) {
        response.setHeader('Access-Control-Allow-Origin', 'https://example.com')
        response.setHeader('Set-Cookie', ['a=1', 'b=2'])
      }
    })
    const { status, headers } = await join(url, { version })

    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.equal(headers['cache-control'], 'no-cache, no-transform')
    assert.equal(headers['x-accel-buffering'], 'no')
    assert.equal(headers['x-mine'], 'yes')
    assert.equal(headers['access-control-allow-origin'], 'https://example.com')
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(headers['content-length'], undefined)
    if (version === 2) assert.equal(headers.connection ?? headers['transfer-encoding'], undefined)
  })

  test(`${name} answers HEAD with the same head and no stream`, async t => {
    const hub = createHub()
    const { url } = await start(t, hub, { topics })
    const client = await join(url, { method: 'HEAD', version })

    assert.equal(client.status, 200)
    assert.equal(client.headers['content-type'], 'text/event-stream; charset=utf-8')
    await client.end()
    assert.equal(client.text, '')
    assert.equal(hub.stats().connections, 0)
  })

  test(`${name} leaves other methods to the route behind`, async t => {
    const hub = createHub()
    const { url } = await start(t, hub, { topics }, { after: (request, response) => response.end(`mine: ${request.method}`) })
    const client = await (await join(url, { method: 'POST', version })).end()

    assert.equal(client.status, 200)
    assert.equal(client.text, `mine: POST`)
  })

  test(`${name} without topics opens a session for the route behind`, async t => {
    const hub = createHub()
    const { url } = await start(t, hub, {}, {
      after(request, response, context = request) {
        context.sse.send({ hello: 'you' }, { event: 'greeting' })
        context.sse.subscribe('t')
      }
    })
    const client = await join(url, { version })
    await client.has(1)
    hub.publish('t', 'all')

    await client.has(2)
    assert.deepEqual(client.data('greeting'), ['{"hello":"you"}'])
    assert.deepEqual(client.data('message'), ['all'])
  })

  test(`${name} resumes a client after its last event ID`, async t => {
    const hub = createHub()
    const { url } = await start(t, hub, { topics })
    const first = await join(url, { version })
    hub.publish('t', 'seen')
    await first.has(1)
    first.cut()
    hub.publish('t', 'missed')
    const second = await join(url, { version, lastEventId: first.lastEventId })
    hub.publish('t', 'live')

    assert.deepEqual(await second.has(2), ['missed', 'live'])
    assert.deepEqual(second.resets, [])
  })

  test(`${name} passes what the topics callback gets, throws and rejects with to its own error flow`, async t => {
    const hub = createHub()
    const log = t.mock.method(console, 'error', () => {})
    for (const topics of [() => { throw new Error('on purpose') }, async () => { throw new Error('on purpose') }]) {
      const { url, errors } = await start(t, hub, { topics })
      const client = await (await join(url, { version })).end()

      assert.equal(client.status, 500)
      assert.doesNotMatch(client.headers['content-type'] ?? '', /event-stream/)
      assert.doesNotMatch(client.text, /data:|id:|on purpose/)
      const seen = host.plain ? log.mock.calls.map(call => call.arguments[0]) : errors
      log.mock.resetCalls()
      assert.deepEqual(seen.map(error => error.message), ['on purpose'])
    }
    assert.equal(hub.stats().connections, 0)
  })

  test(`${name} passes an authorize that throws or rejects to its own error flow, and goes on serving`, async t => {
    const hub = createHub()
    t.mock.method(console, 'error', () => {})
    let fault = () => { throw new Error('on purpose') }
    const { url } = await start(t, hub, { topics, authorize: () => fault() })
    assert.equal((await join(url, { version })).status, 500)
    fault = async () => { throw new Error('on purpose') }
    assert.equal((await join(url, { version })).status, 500)
    fault = () => true
    const client = await join(url, { version })
    hub.publish('t', 'alive')
    assert.deepEqual(await client.has(1), ['alive'])
  })

  test(`${name} answers 403 to a client that authorize does not allow`, async t => {
    const hub = createHub()
    const { url } = await start(t, hub, { topics, authorize: async () => false }, {
      after: (request, response) => response.end('behind')
    })
    const client = await (await join(url, { version })).end()

    assert.equal(client.status, 403)
    assert.doesNotMatch(client.text, /behind/)
    assert.equal(hub.stats().connections, 0)
  })

  test(`${name} never registers a client that leaves during authorize`, async t => {
    const hub = createHub()
    const [asked, answer] = [deferred(), deferred()]
    let connected = 0
    const { url } = await start(t, hub, {
      topics,
      onConnect: () => connected++,
      authorize(context) {
        const request = context.req?.socket ? context.req : context
        asked.resolve(request)
        return answer.promise
      }
    })
    const leaving = new AbortController()
    const client = join(url, { version, signal: leaving.signal }).catch(() => {})
    const request = await asked.promise
    const left = new Promise(resolve => request.on('close', resolve))
    leaving.abort()
    await left
    answer.resolve(true)
    await client
    // A client that comes later is served later.
    await join(url, { version })

    assert.equal(connected, 1)
    assert.equal(hub.stats().connections, 1)
    assert.equal(hub.stats().disconnects.client, 0)
  })

  test(`${name} has a browser that is one client too many come back, refuses others with 503, and evicts none`, async t => {
    const hub = createHub({ maxConnections: 1, retryMs: 3000 })
    const { url } = await start(t, hub, { topics })
    const first = await join(url, { version })
    const second = await (await join(url, { version, headers: { Accept: '*/*' } })).end()

    assert.equal(second.status, 503)
    assert.match(second.headers['retry-after'], /^[3-6]$/)
    const browser = await (await join(url, { version })).end()
    assert.equal(browser.status, 200)
    assert.equal(browser.headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.ok(browser.complete)
    assert.ok(browser.retries.length === 1 && browser.retries[0] >= 3000 && browser.retries[0] < 6000, browser.text)
    assert.deepEqual(browser.events, [])
    hub.publish('t', 'still here')
    assert.deepEqual(await first.has(1), ['still here'])
    first.cut()
    await eventually(() => hub.stats().connections === 0, 'the first client is gone')
    assert.equal((await join(url, { version })).status, 200)
  })

  test(`${name} lets its server close once the hub is closed, and refuses clients until then`, async t => {
    const hub = createHub()
    const { url, server } = await start(t, hub, { topics })
    const clients = await Promise.all(Array.from({ length: 5 }, () => join(url, { version })))
    hub.publish('t', 'last')
    await hub.close({ event: { event: 'farewell', data: 'bye' } })
    assert.equal((await join(url, { version, headers: { Accept: '*/*' } })).status, 503)
    assert.equal((await (await join(url, { version })).end()).retries.length, 1)
    await new Promise(resolve => server.close(resolve))

    for (const client of clients) {
      await client.end()
      assert.deepEqual(client.events.map(({ data }) => data), ['last', 'bye'])
      assert.ok(client.complete)
    }
    assert.equal(hub.stats().disconnects.shutdown, 5)
  })
}
