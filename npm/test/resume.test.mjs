import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createHub } from 'ssecast'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { serve } from './support/hosts.mjs'

for (const delivery of ['auto', 'pull']) {
  const start = async (t, options, topics = ['t']) => {
    const hub = createHub({ delivery, ...options })
    return { hub, ...(await serve(t, hub, { topics })) }
  }
  const check = (name, body) => test(`${name} (${delivery} delivery)`, body)
  const publish = (hub, from, to, fields) => {
    const published = []
    for (let n = from; n < to; n++) published.push(hub.publish('t', n, fields?.(n)))
    return published
  }
  const numbers = (from, to) => Array.from({ length: to - from }, (_, index) => String(from + index))

  check('a client comes back to the event after its last one, by the id of the hub', async t => {
    const { hub, url } = await start(t)
    const ids = publish(hub, 0, 100).map(({ id }) => id)
    for (const seen of [0, 41, 98]) {
      const client = await join(url, { lastEventId: ids[seen] })
      assert.deepEqual(await client.has(99 - seen), numbers(seen + 1, 100))
      assert.deepEqual(client.resets, [])
      client.cut()
    }
    const upToDate = await join(url, { lastEventId: ids[99] })
    publish(hub, 100, 101)
    assert.deepEqual(await upToDate.has(1), ['100'])
  })

  check('a client comes back to the event after its last one, by the id of the publisher', async t => {
    const { hub, url } = await start(t)
    const published = publish(hub, 0, 20, n => ({ id: `order/${n} ü` }))
    assert.equal(published[7].id, 'order/7 ü')
    const client = await join(url, { lastEventId: 'order/7 ü' })
    assert.deepEqual(await client.has(12), numbers(8, 20))
    assert.equal(client.lastEventId, 'order/19 ü')
    assert.deepEqual(client.resets, [])
  })

  check('ids of both kinds can be mixed: 9 comes before 10', async t => {
    const { hub, url } = await start(t)
    const ids = publish(hub, 0, 30, n => (n % 2 ? { id: n } : {})).map(({ id }) => id)
    for (const seen of [8, 9, 10, 11]) {
      const client = await join(url, { lastEventId: ids[seen] })
      assert.deepEqual(await client.has(29 - seen), numbers(seen + 1, 30))
      client.cut()
    }
  })

  check('a client that was cut before its first event comes back to it', async t => {
    const { hub, url } = await start(t)
    const client = await join(url)
    await eventually(() => client.lastEventId, 'the preamble')
    client.cut()
    publish(hub, 0, 3)
    const again = await join(url, { lastEventId: client.lastEventId })
    assert.deepEqual(await again.has(3), ['0', '1', '2'])
  })

  check('a new client gets no history', async t => {
    const { hub, url } = await start(t)
    publish(hub, 0, 10)
    const client = await join(url)
    publish(hub, 10, 12)
    assert.deepEqual(await client.has(2), ['10', '11'])
  })

  check('a replay is limited to the topics of the connection', async t => {
    const { hub, url } = await start(t)
    const { id } = hub.publish('secret', 'of another user')
    hub.publish('secret', 'too')
    hub.publish('t', 'mine')
    const client = await join(url, { lastEventId: id })
    assert.deepEqual(await client.has(1), ['mine'])
    assert.doesNotMatch(client.text, /secret|too|another/)
  })

  check('an id of a topic that the client may not read is as unknown as one that was never given', async t => {
    const { hub, url } = await start(t)
    hub.publish('secret', 'of another user', { id: 'invoice-1' })
    hub.publish('t', 'mine')
    const heads = []
    for (const id of ['invoice-1', 'invoice-2']) {
      const client = await join(url, { lastEventId: id })
      await eventually(() => client.resets.length === 1, 'the reset')
      heads.push(client.text)
    }
    assert.equal(heads[0], heads[1])
    assert.match(heads[0], /"reason":"unknown","missed":null/)
  })

  check('a busy topic withholds nothing of a quiet one', async t => {
    const { hub, url } = await start(t, { history: { events: 10 } }, ['quiet', 't'])
    const [{ id }] = publish(hub, 0, 1)
    hub.publish('quiet', 'ALERT')
    publish(hub, 1, 40)
    const client = await join(url, { lastEventId: id })
    assert.deepEqual(await client.has(11), ['ALERT', ...numbers(30, 40)])
    assert.deepEqual(client.resets, [{ reason: 'expired', missed: 29 }])
  })

  check('an id of another hub gives a reset for its epoch, and then all that the history has', async t => {
    const { hub, url } = await start(t)
    publish(hub, 0, 3)
    const { id } = createHub().publish('t', 'x')
    const client = await join(url, { lastEventId: id })
    assert.deepEqual(await client.has(3), ['0', '1', '2'])
    assert.deepEqual(client.resets, [{ reason: 'epoch', missed: null }])
    assert.equal(client.events[0].event, 'reset')
    assert.equal(hub.stats().resets.epoch, 1)
  })

  check('an expired id gives a reset with the number of missed events, and then the rest', async t => {
    const { hub, url } = await start(t, { history: { events: 10 } })
    const ids = publish(hub, 0, 30).map(({ id }) => id)
    const client = await join(url, { lastEventId: ids[4] })
    assert.deepEqual(await client.has(10), numbers(20, 30))
    assert.deepEqual(client.resets, [{ reason: 'expired', missed: 15 }])
    // The id of the reset is the new cursor: a client that is cut right behind it misses nothing more.
    const again = await join(url, { lastEventId: client.events[0].id })
    assert.deepEqual(await again.has(10), numbers(20, 30))
    assert.deepEqual(again.resets, [])
    assert.equal(hub.stats().resets.expired, 1)
  })

  check('the last id before what has expired needs no reset', async t => {
    const { hub, url } = await start(t, { history: { events: 10 } })
    const ids = publish(hub, 0, 30).map(({ id }) => id)
    const client = await join(url, { lastEventId: ids[19] })
    assert.deepEqual(await client.has(10), numbers(20, 30))
    assert.deepEqual(client.resets, [])
  })

  check('history expires by bytes and by age too', async t => {
    for (const history of [{ bytes: 500 }, { ms: 1 }]) {
      const { hub, url } = await start(t, { history })
      const [{ id }] = publish(hub, 0, 1)
      hub.publish('t', 'x'.repeat(400))
      hub.publish('t', 'y'.repeat(400))
      const client = await eventually(async () => {
        const client = await join(url, { lastEventId: id })
        await eventually(() => client.text, 'the preamble or the reset')
        return client.resets.length > 0 && client
      }, 'the reset')
      assert.equal(client.resets[0].reason, 'expired')
      assert.ok(client.resets[0].missed >= 1)
    }
  })

  check('an unknown id gives a reset, and then only new events', async t => {
    const { hub, url } = await start(t)
    publish(hub, 0, 5)
    const client = await join(url, { lastEventId: 'never seen' })
    publish(hub, 5, 6)
    assert.deepEqual(await client.has(1), ['5'])
    assert.deepEqual(client.resets, [{ reason: 'unknown', missed: null }])
    assert.equal(hub.stats().resets.unknown, 1)
  })

  check('an id of this hub that lies in the future is unknown', async t => {
    const { hub, url } = await start(t)
    const epoch = hub.publish('t', 'x').id.split('-')[0]
    const client = await join(url, { lastEventId: `${epoch}-1000000` })
    await eventually(() => client.resets.length, 'the reset')
    assert.equal(client.resets[0].reason, 'unknown')
  })

  check('the reset event can have another name', async t => {
    const { url } = await start(t, { resetEvent: 'lost' })
    const client = await join(url, { lastEventId: 'never seen' })
    await client.has(1, 'lost')
    assert.equal(JSON.parse(client.data('lost')[0]).reason, 'unknown')
  })

  check('the reset event can be turned off', async t => {
    const { hub, url } = await start(t, { resetEvent: false })
    const client = await join(url, { lastEventId: 'never seen' })
    publish(hub, 0, 1)
    await client.has(1)
    assert.deepEqual(client.events.map(({ data }) => data), ['0'])
  })

  check('without a history a client that missed something is told so', async t => {
    const { hub, url } = await start(t, { history: { events: 0 } })
    const ids = publish(hub, 0, 3).map(({ id }) => id)
    const client = await join(url, { lastEventId: ids[0] })
    publish(hub, 3, 4)
    assert.deepEqual(await client.has(1), ['3'])
    assert.deepEqual(client.resets, [{ reason: 'expired', missed: 2 }])
  })

  check('clients that are cut and come back at random during a storm lose nothing and get nothing twice', async t => {
    const { hub, url } = await start(t, { history: { events: 20_000 } })
    const [clients, total] = [20, 3000]
    let published = 0
    const storm = async () => {
      while (published < total) {
        for (let burst = 0; burst < 10 && published < total; burst++) {
          const id = published % 3 === 0 ? { id: `own ${published}` } : {}
          hub.publish('t', published++, id)
        }
        if (published === total / 2) await eventually(() => resumed >= clients, 'as many returns as there are clients')
        await new Promise(resolve => setImmediate(resolve))
      }
    }
    const random = randoms(4711)
    let resumed = 0
    const follow = async () => {
      const data = []
      let client = await join(url)
      await eventually(() => client.lastEventId, 'the preamble')
      const first = published
      for (;;) {
        const share = Math.floor(random() * 400)
        await eventually(() => client.events.length >= share || data.length + client.events.length >= total - first || client.data().at(-1) === String(total - 1), 'a share of the storm')
        client.cut()
        // What arrived is what the client goes by, also when more was on its way.
        assert.deepEqual(client.resets, [])
        data.push(...client.data())
        if (data.at(-1) === String(total - 1)) return data
        resumed++
        client = await join(url, { lastEventId: client.lastEventId })
      }
    }
    const followers = Array.from({ length: clients }, follow)
    await eventually(() => hub.stats().connections === clients, 'all clients')
    const [lists] = await Promise.all([Promise.all(followers), storm()])
    for (const list of lists) {
      const wrong = list.findIndex((text, index) => text !== String(index))
      assert.equal(wrong, -1, `${list.slice(wrong - 2, wrong + 2)} at ${wrong}`)
      assert.equal(list.length, total)
    }
  })
}

/** The same numbers between 0 and 1 each time: mulberry32. */
function randoms(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let number = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    number = (number + Math.imul(number ^ (number >>> 7), 61 | number)) ^ number
    return ((number ^ (number >>> 14)) >>> 0) / 2 ** 32
  }
}
