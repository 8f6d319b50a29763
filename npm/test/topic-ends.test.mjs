// Topics that end: their clients get what is left, and stay away; later ones get the whole, and the same end.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { createHub } from 'ssecast'
import { EventSource } from 'ssecast/client'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { fileStore } from './support/folder.mjs'
import { hosts, serve } from './support/hosts.mjs'
import { start } from './support/processes.mjs'

/** What a route does with a topic that ends while a client reads, and what others get afterwards. */
async function checkEnd(hub, url, options) {
  const early = await join(url, options)
  for (const word of ['one', 'two', 'three']) await hub.publish('answer', word)
  const inTheMiddle = await join(url, options)
  await hub.endTopic('answer')
  const late = await join(url, options)
  for (const client of [early, inTheMiddle, late]) {
    await client.end()
    assert.deepEqual(client.data(), ['one', 'two', 'three'])
    assert.ok(client.complete)
    for (const method of ['GET', 'HEAD']) {
      const again = await join(url, { ...options, method, lastEventId: client.lastEventId })
      assert.equal(again.status, 204, method)
    }
  }
  assert.equal((await join(url, { ...options, method: 'HEAD', lastEventId: late.events[0].id })).status, 200)
  // One that lacks something gets it, also without the last block's id.
  const resumed = await join(url, { ...options, lastEventId: late.events[0].id })
  await resumed.end()
  assert.deepEqual([resumed.status, resumed.data()], [200, ['two', 'three']])
  const whole = await join(url, { ...options, lastEventId: late.events[2].id })
  assert.equal(whole.status, 204)
}

/** The topic's own id is that of the test's hub, whose other topics go on. */
const route = { topics: ['answer'], replay: 'all' }

describe('a topic that ends', { concurrency: true }, () => {
  for (const { name, version, start } of hosts) {
    test(`in ${name}`, async t => {
      const hub = createHub()
      const { url } = await start(t, hub, route)
      await checkEnd(hub, url, { version })
    })
  }

  for (const delivery of ['auto', 'pull']) {
    test(`by an engine's thread or the event loop (${delivery} delivery)`, async t => {
      const hub = createHub({ delivery })
      const { url } = await serve(t, hub, route)
      await checkEnd(hub, url)
    })
  }

  for (const topics of [['answer'], () => ['answer']]) {
    test(`by a listener whose topics are ${typeof topics === 'function' ? 'asked for' : 'fixed'}`, async t => {
      const hub = createHub()
      const { port } = await hub.listen({ ...route, topics })
      t.after(() => hub.close({ graceMs: 0 }))
      await checkEnd(hub, `http://127.0.0.1:${port}/`)
    })
  }

  test('takes no more events, and ends twice without an error', async t => {
    const hub = createHub()
    hub.endTopic('t')
    hub.endTopic('t')
    assert.throws(() => hub.publish('t', 'x'), { name: 'SsecastError', code: 'SSECAST_TOPIC_ENDED', field: 'topic' })
    for (const topic of ['', 5, undefined, 'x'.repeat(300)]) assert.throws(() => hub.endTopic(topic), { code: 'SSECAST_INVALID_TOPIC', field: 'topic' })
    await hub.close()
    assert.equal(hub.endTopic('u'), undefined)
  })

  test('ends no stream that reads another topic, too', async t => {
    const hub = createHub()
    const { url } = await serve(t, hub, { topics: ['answer', 'other'], replay: 'all' })
    const client = await join(url)
    hub.publish('answer', 'one')
    hub.endTopic('answer')
    hub.publish('other', 'two')
    assert.deepEqual(await client.has(2), ['one', 'two'])
    hub.endTopic('other')
    await client.end()
  })

  test('ends the session with the reason of a server that ended it', async t => {
    const hub = createHub()
    const reasons = []
    const { url } = await serve(t, hub, { ...route, onConnect: session => session.closed.then(reason => reasons.push(reason)) })
    const client = await join(url)
    hub.endTopic('answer')
    await client.end()
    await eventually(() => reasons.length === 1, 'the end of the session')
    assert.deepEqual(reasons, ['server'])
  })

  test('is forgotten after `keepEndedMs`: then its name is that of another topic', async t => {
    const hub = createHub({ keepEndedMs: 20 })
    hub.publish('t', 'x')
    hub.endTopic('t')
    await eventually(() => {
      try {
        return hub.publish('t', 'y').id
      } catch (error) {
        return error.code !== 'SSECAST_TOPIC_ENDED'
      }
    }, 'the topic is forgotten')
    for (const keepEndedMs of [0, -1, NaN, '1']) {
      assert.throws(() => createHub({ keepEndedMs }), { code: 'SSECAST_INVALID_OPTION', field: 'keepEndedMs' })
    }
  })

  test('leaves an EventSource closed, without a further request', async t => {
    const hub = createHub({ retryMs: 1 })
    const { url, server } = await serve(t, hub, route)
    let requests = 0
    server.on('request', () => requests++)
    const source = new EventSource(url)
    t.after(() => source.close())
    const seen = []
    source.onmessage = ({ data }) => seen.push(data)
    await new Promise(resolve => (source.onopen = resolve))
    for (const word of ['one', 'two']) hub.publish('answer', word)
    hub.endTopic('answer')
    await eventually(() => source.readyState === EventSource.CLOSED, 'it is closed')
    await delay(150)
    assert.deepEqual([seen, requests], [['one', 'two'], 2])
  })
})

describe('a signal of whenUnread', { concurrency: true }, () => {
  test('aborts when the last reader has left for so long, and not before one was there', async t => {
    const hub = createHub()
    const { url } = await serve(t, hub, route)
    const signal = hub.whenUnread('answer', 30)
    await delay(60)
    const [one, other] = [await join(url), await join(url)]
    one.cut()
    await delay(60)
    assert.equal(signal.aborted, false)
    other.cut()
    await eventually(() => signal.aborted, 'nothing reads the topic')
  })

  test('counts the readers of all processes that share a store', async t => {
    const store = await fileStore(t)
    const [producer, server] = [createHub({ store }), createHub({ store })]
    const { url } = await serve(t, server, route)
    const signal = producer.whenUnread('answer', 30)
    const client = await join(url)
    await producer.publish('answer', 'one')
    await client.has(1)
    await delay(60)
    assert.equal(signal.aborted, false)
    client.cut()
    await eventually(() => signal.aborted, 'nothing reads the topic')
  })

  test('does not abort any more when its topic has ended', async t => {
    const hub = createHub()
    const { url } = await serve(t, hub, route)
    const signal = hub.whenUnread('answer', 1)
    const client = await join(url)
    hub.endTopic('answer')
    await client.end()
    await delay(50)
    assert.equal(signal.aborted, false)
  })

  test('is refused for what is no topic or no time', () => {
    const hub = createHub()
    for (const topic of ['', 5, undefined]) assert.throws(() => hub.whenUnread(topic), { code: 'SSECAST_INVALID_TOPIC', field: 'topic' })
    for (const ms of [-1, NaN, Infinity, '10', null]) assert.throws(() => hub.whenUnread('t', ms), { code: 'SSECAST_INVALID_OPTION', field: 'afterMs' })
  })

  test('keeps no process alive', async t => {
    const child = start(t, ['--input-type=module', '--eval', "import { createHub } from 'ssecast'; createHub().whenUnread('t')"], { cwd: fileURLToPath(new URL('..', import.meta.url)) })
    assert.equal(await child.exited, 0, child.output)
  })
})
