import assert from 'node:assert/strict'
import http from 'node:http'
import { test } from 'node:test'

import { createHub, sseMiddleware } from 'ssecast'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { listen } from './support/hosts.mjs'

for (const delivery of ['auto', 'pull']) {
  const start = async (t, options) => {
    const hub = createHub({ delivery, ...options })
    const sessions = []
    const middleware = sseMiddleware(hub, { topics: ['t'], onConnect: session => sessions.push(session) })
    return { hub, sessions, ...(await listen(t, http.createServer(middleware))) }
  }
  const check = (name, body) => test(`${name} (${delivery} delivery)`, body)

  check('closing a hub sends what is pending, the farewell, and a jittered reconnection time', async t => {
    const { hub, url, sessions } = await start(t, { retryMs: 1000 })
    const clients = await Promise.all(Array.from({ length: 20 }, () => join(url)))
    const data = Array.from({ length: 100 }, (_, index) => `${index} ${'x'.repeat(1000)}`)
    data.forEach(text => hub.publish('t', text))
    await hub.close({ event: { event: 'farewell', data: { back: 'soon' }, id: 'last', retry: 7 } })

    for (const client of clients) {
      await client.end()
      assert.ok(client.complete)
      assert.deepEqual(client.data('message'), data)
      assert.deepEqual(client.events.at(-1), { event: 'farewell', data: '{"back":"soon"}', id: 'last' })
      assert.deepEqual(client.retries.slice(0, 2), [1000, 7])
      assert.ok(client.retries[2] >= 1000 && client.retries[2] < 2000)
    }
    assert.ok(new Set(clients.map(client => client.retries[2])).size > 5, 'the times differ')
    for (const session of sessions) assert.equal(await session.closed, 'shutdown')
    assert.equal(hub.stats().connections, 0)
    assert.equal(hub.stats().disconnects.shutdown, 20)
  })

  check('a client that reads nothing is cut off after the grace period, and the server then closes', async t => {
    const { hub, url, server } = await start(t, { slowClient: { bytes: 64 << 20 } })
    const [stalled, other] = [await join(url), await join(url)]
    stalled.stall()
    for (let n = 0; n < 200; n++) hub.publish('t', 'x'.repeat(100_000))
    const before = performance.now()
    const closed = hub.close({ graceMs: 200 })
    await closed
    await new Promise(resolve => server.close(resolve))
    const took = performance.now() - before
    assert.ok(took < 10_000, `${took} ms`)
    await other.end()
    assert.ok(other.events.length > 0)
    assert.equal(hub.stats().connections, 0)
  })

  check('a closed hub refuses clients with 503, and closing it twice is fine', async t => {
    const { hub, url } = await start(t)
    assert.equal(hub.closed, false)
    const first = hub.close()
    assert.equal(hub.closed, true)
    await Promise.all([first, hub.close()])
    await hub.close()
    const client = await (await join(url, { headers: { Accept: '*/*' } })).end()
    assert.equal(client.status, 503)
    assert.match(client.headers['retry-after'], /^\d+$/)
  })

  check('closing a hub without clients is done at once', async t => {
    const { hub } = await start(t)
    await hub.close({ graceMs: 2 ** 31 - 1 })
  })

  check('after the hub is closed a session sends nothing, and says so', async t => {
    const { hub, url, sessions } = await start(t)
    const client = await join(url)
    await eventually(() => sessions.length, 'the session')
    const closed = hub.close()
    assert.equal(sessions[0].send('too late'), false)
    await closed
    await client.end()
    assert.deepEqual(client.data(), [])
  })

  for (const order of ['after', 'before']) {
    check(`with a keep-alive agent the server still closes, asked to ${order} the hub`, async t => {
      const { hub, url, server } = await start(t)
      server.keepAliveTimeout = 60_000
      const agent = new http.Agent({ keepAlive: true })
      t.after(() => agent.destroy())
      const clients = await Promise.all(Array.from({ length: 5 }, () => join(url, { agent })))
      if (order === 'after') await hub.close()
      const closed = new Promise(resolve => server.close(resolve))
      await hub.close()
      await closed
      for (const client of clients) assert.ok((await client.end()).complete)
    })
  }

  check('a client that leaves while its stream is closing ends it', async t => {
    const { hub, url, sessions } = await start(t)
    const client = await join(url)
    client.stall()
    await eventually(() => sessions.length, 'the session')
    for (let n = 0; n < 9; n++) hub.publish('t', 'x'.repeat(100_000))
    const closed = sessions[0].close()
    client.cut()
    assert.ok(['client', 'server'].includes(await closed))
    await eventually(() => hub.stats().connections === 0, 'it is unregistered')
  })
}
