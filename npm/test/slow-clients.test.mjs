import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'

import { createHub } from 'ssecast'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { serve } from './support/hosts.mjs'
import { start } from './support/processes.mjs'

const KB = 1 << 10
const MB = 1 << 20
const SIZE = 20 * KB
/** What the system's buffers of a loopback connection hold at most, and some more. */
const SYSTEM = 24 * MB
const TOTAL = Math.ceil(SYSTEM / SIZE)

for (const delivery of ['auto', 'pull']) {
  const check = (name, body) => test(`${name} (${delivery} delivery)`, body)

  /** Publishes events one after the other, waiting for the clients that read; gives what they got. */
  async function flood(hub, readers, total, size, look = () => {}) {
    const filler = 'x'.repeat(size)
    for (let n = 0; n < total; n++) {
      hub.publish('t', `${n} ${filler}`)
      if (n % 10 === 9) {
        await Promise.all(readers.map(reader => eventually(() => reader.events.length > n - 10 || reader.ended, 'the readers keep up')))
        // The stalled ones are offered it too, by whatever thread has them.
        await eventually(() => hub.stats().backlogBytes < MB / 2, 'the engine keeps up')
        look()
      }
    }
    await Promise.all(readers.map(reader => reader.has(total)))
  }
  const count = reader => reader.data().map(text => Number(text.split(' ')[0]))
  /** Every event came, or was counted as missed; gives how many. */
  function accountedFor(client) {
    let next = 0
    for (const { event, data } of client.events) {
      if (event === 'reset') {
        const { reason, missed } = JSON.parse(data)
        assert.equal(reason, 'lagged')
        next += missed
      } else {
        assert.equal(Number(data.split(' ')[0]), next++)
      }
    }
    return next
  }
  const upTo = total => Array.from({ length: total }, (_, index) => index)

  check('a stalled client is disconnected past its limit, holds no memory beyond it, and delays no other', async t => {
    const hub = createHub({ delivery, history: { events: 10 }, slowClient: { bytes: MB, ms: 600_000 }, maxBacklogBytes: MB })
    const reasons = []
    const { url } = await serve(t, hub, { topics: ['t'], onConnect: session => session.closed.then(reason => reasons.push(reason)) })
    const stalled = await join(url)
    stalled.stall()
    const readers = await Promise.all(Array.from({ length: 3 }, () => join(url)))
    let held = 0
    await flood(hub, readers, TOTAL, SIZE, () => (held = Math.max(held, hub.stats().heldBytes)))

    for (const reader of readers) assert.deepEqual(count(reader), upTo(TOTAL))
    await eventually(() => hub.stats().disconnects.lagged === 1, 'the stalled client is disconnected')
    await eventually(() => reasons.includes('lagged'), 'its session says why')
    assert.ok(held < 3 * MB, `${held} bytes held`)
    stalled.read()
    await stalled.end()
    assert.equal(hub.stats().connections, 3)
  })

  check('ten stalled clients do not make the memory of their server grow', async t => {
    const program = new URL('support/flood.mjs', import.meta.url).pathname
    const server = start(t, ['--expose-gc', program, delivery])
    const [{ url, rss }] = await once(server, 'message')
    const clients = await Promise.all(Array.from({ length: 10 }, () => join(url)))
    clients.forEach(client => client.stall())
    server.send({ events: 5000, bytes: SIZE })
    const [after] = await once(server, 'message')
    assert.equal(after.stats.published, 5000)
    assert.equal(after.stats.connections, 10)
    assert.ok(after.stats.heldBytes < 4 * MB)
    assert.ok(after.rss - rss < 64 * MB, `${(after.rss - rss) / MB} MiB more for 100 MB published`)
  })

  check('with the policy skip a stalled client jumps to the newest event, and is told how many it missed', async t => {
    const hub = createHub({ delivery, history: { events: 10 }, slowClient: { bytes: MB, ms: 600_000, policy: 'skip' }, maxBacklogBytes: MB })
    const { url } = await serve(t, hub)
    const [stalled, reader] = [await join(url), await join(url)]
    stalled.stall()
    await flood(hub, [reader], TOTAL, SIZE)
    assert.deepEqual(count(reader), upTo(TOTAL))
    assert.equal(hub.stats().connections, 2)
    assert.ok(hub.stats().heldBytes < 3 * MB)

    stalled.read()
    await eventually(() => stalled.resets.length >= 1, 'the reset')
    hub.publish('t', `${TOTAL} after`)
    await eventually(() => stalled.events.at(-1)?.data === `${TOTAL} after`, 'the live event')
    assert.equal(accountedFor(stalled), TOTAL + 1)
    assert.ok(hub.stats().resets.lagged > 0)
  })

  check('a client that takes nothing for too long is disconnected, however little waits for it', async t => {
    const hub = createHub({ delivery, history: { events: 10 }, slowClient: { bytes: 64 * MB, ms: 500 } })
    const { url } = await serve(t, hub)
    const [stalled, reader] = [await join(url), await join(url)]
    stalled.stall()
    await flood(hub, [reader], TOTAL, SIZE)
    await eventually(() => hub.stats().disconnects.lagged === 1, 'the stalled client is disconnected')
    assert.equal(hub.stats().connections, 1)
    hub.publish('t', 'still here')
    assert.equal((await reader.has(TOTAL + 1)).at(-1), 'still here')
  })

  check('a quiet stream is not a slow client', async t => {
    const hub = createHub({ delivery, heartbeatMs: 20, slowClient: { ms: 50 } })
    const { url } = await serve(t, hub)
    const client = await join(url)
    await eventually(() => client.comments.length >= 10, 'ten heartbeats')
    hub.publish('t', 'still here')
    assert.deepEqual(await client.has(1), ['still here'])
    assert.equal(hub.stats().disconnects.lagged, 0)
  })

  check('a client that was disconnected for its lag comes back and has everything', async t => {
    const hub = createHub({ delivery, history: { events: null, bytes: 2 * SYSTEM }, slowClient: { bytes: MB, ms: 600_000 } })
    const { url } = await serve(t, hub)
    const slow = await join(url)
    slow.stall()
    await flood(hub, [], TOTAL, SIZE)
    await eventually(() => hub.stats().disconnects.lagged === 1, 'it is disconnected')
    slow.read()
    await slow.end()
    const again = await join(url, { lastEventId: slow.lastEventId })
    const first = slow.events.length
    await again.has(TOTAL - first)
    assert.deepEqual(again.resets, [])
    assert.deepEqual([...count(slow), ...count(again)], upTo(TOTAL))
  })

  for (const policy of ['disconnect', 'skip']) {
    check(`what a session is sent past the limit follows the policy ${policy}`, async t => {
      const hub = createHub({ delivery, slowClient: { bytes: MB, ms: 600_000, policy }, maxBacklogBytes: 3 * MB })
      let session
      const { url } = await serve(t, hub, { topics: [], onConnect: opened => (session = opened) })
      const client = await join(url)
      client.stall()
      const filler = 'x'.repeat(SIZE)
      let [sent, ended] = [0, false]
      session.closed.then(() => (ended = true))
      while (sent < TOTAL && !ended) {
        for (let burst = 0; burst < 10 && session.send(`${sent} ${filler}`); burst++) sent++
        assert.ok(hub.stats().lagBytes <= 4 * MB)
        do await new Promise(resolve => setImmediate(resolve))
        while (hub.stats().backlogBytes > MB)
      }
      client.read()
      if (policy === 'disconnect') {
        assert.equal(await session.closed, 'lagged')
        await client.end()
      } else {
        await eventually(() => client.resets.length > 0, 'the reset')
        assert.ok(session.send(`${sent++} after`))
        await eventually(() => client.data().at(-1) === `${sent - 1} after`, 'what was sent afterwards')
        assert.equal(accountedFor(client), sent)
      }
    })
  }
}

for (const delivery of ['auto', 'pull']) {
  const check = (name, body) => test(`${name} (${delivery} delivery)`, body)

  check('what is sent or published at once to a client that reads all arrives, however much it is', async t => {
    const hub = createHub({ delivery, history: { events: 10 }, slowClient: { bytes: 256 * KB, ms: 600_000 } })
    const onConnect = session => {
      for (let n = 0; n < 30; n++) assert.ok(session.send(`${n} ${'x'.repeat(100_000)}`))
    }
    const { url } = await serve(t, hub, { topics: ['t'], onConnect })
    const client = await join(url)
    await client.has(30)
    for (let n = 0; n < 300; n++) hub.publish('t', `${n} ${'x'.repeat(16 * KB)}`)
    await client.has(330)
    assert.deepEqual([client.ended, client.resets, hub.stats().connections], [false, [], 1])
  })

  check('more than may wait to be offered is refused, and nothing of it is published', async t => {
    // Two events may wait. The engine's thread may be quick enough to offer each of some, never of thousands; so many are
    // still too few for a client that can't read meanwhile to become slow.
    const hub = createHub({ delivery, maxBacklogBytes: 100 })
    const { url } = await serve(t, hub, { topics: ['t'] })
    const client = await join(url)
    let count = 0
    const flood = () => {
      for (; count < 20_000; count++) hub.publish('t', String(count))
    }
    assert.throws(flood, { code: 'SSECAST_BACKLOG_FULL', field: 'event' })
    await client.has(count)
    await eventually(() => hub.stats().backlogBytes === 0, 'all is offered')
    hub.publish('t', 'and on it goes')
    assert.equal((await client.has(count + 1)).at(-1), 'and on it goes')
  })
}
