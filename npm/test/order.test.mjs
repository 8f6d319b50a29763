// The calls of a program take effect in the order of the calls, whichever thread writes to the socket.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createHub } from 'ssecast'

import { join } from './support/client.mjs'
import { deferred, eventually } from './support/eventually.mjs'
import { serve } from './support/hosts.mjs'

for (const delivery of ['auto', 'pull']) {
  /** A server of one hub, one client of it, and the session of that client. */
  const connect = async (t, { topics = ['t'], lastEventId, ...options } = {}) => {
    const hub = createHub({ delivery, ...options })
    const opened = deferred()
    const { url, server } = await serve(t, hub, { topics, onConnect: opened.resolve })
    const client = await join(url, { lastEventId })
    return { hub, url, server, client, session: await opened.promise }
  }
  const check = (name, body) => test(`${name} (${delivery} delivery)`, body)

  check('what is sent and what is published arrive in the order of the calls', async t => {
    const { session, client, hub } = await connect(t)
    const data = []
    for (let index = 0; index < 300; index++) {
      data.push(String(index))
      if (index % 3 === 0) session.send(index)
      else hub.publish('t', index)
    }
    assert.deepEqual(await client.has(300), data)
  })

  check('each event has the topic and the type of its own call, whichever calls failed before it', async t => {
    const { client, hub } = await connect(t, { topics: ['a', 'b'] })
    const calls = [['a', 'x'], ['a', 'x'], ['b', 'for\ned'], ['a', 'x'], ['a'], ['a'], ['b'], ['b', 'y'], [7, 'y'], ['b', 'y'], ['a', null], ['', 'x'],
      ['a'], ['a', ''], ['a', ''], ['a'], ['b', 'y', { id: 'own' }], ['b', 'y'], ['b', {}], ['b', 'y'], ['c', 'y'], ['b', 'y']]
    const expected = []
    for (const [index, [topic, event, fields]] of calls.entries()) {
      const isWrong = topic === '' || topic === 7 || event === 'for\ned' || typeof event === 'object' && event !== null
      const publish = () => hub.publish(topic, `${topic} ${index}`, event === undefined ? undefined : { event, ...fields })
      if (isWrong) assert.throws(publish, { name: 'SsecastError' })
      else publish()
      if (!isWrong && topic !== 'c') expected.push({ event: event || 'message', data: `${topic} ${index}` })
    }
    await client.has(expected.length)
    assert.deepEqual(client.events.map(({ event, data }) => ({ event, data })), expected)
  })

  check('subscribe begins with the next event, and unsubscribe ends with the last', async t => {
    const { session, client, hub } = await connect(t, { topics: ['a'] })
    hub.publish('b', 'before')
    session.subscribe('b', 'c')
    assert.deepEqual(session.topics.sort(), ['a', 'b', 'c'])
    hub.publish('b', 'b1')
    hub.publish('c', 'c1')
    hub.publish('a', 'a1')
    await client.has(3)
    session.unsubscribe('a', 'b', 'never subscribed')
    assert.deepEqual(session.topics, ['c'])
    hub.publish('a', 'not any more')
    hub.publish('b', 'not any more')
    hub.publish('c', 'c2')
    assert.deepEqual(await client.has(4), ['b1', 'c1', 'a1', 'c2'])
  })

  check('no event is missed between subscribe and publish, and none comes between unsubscribe and publish', async t => {
    const { session, client, hub } = await connect(t, { topics: ['t'] })
    const topics = Array.from({ length: 300 }, (_, index) => `topic ${index}`)
    for (const [index, topic] of topics.entries()) {
      session.subscribe(topic)
      hub.publish(topic, topic)
      if (index % 50 === 49) await client.has(index + 1)
    }
    for (const topic of topics) {
      session.unsubscribe(topic)
      hub.publish(topic, 'not any more')
    }
    hub.publish('t', 'end')
    await eventually(() => client.data().includes('end'), 'the end')
    assert.deepEqual(client.data(), [...topics, 'end'])
  })

  check('close lets out everything that was sent and published before', async t => {
    const { session, client, hub } = await connect(t)
    const data = Array.from({ length: 500 }, (_, index) => `${index} ${'x'.repeat(500)}`)
    data.forEach((text, index) => (index % 2 ? session.send(text) : hub.publish('t', text)))
    const closed = session.close()
    assert.equal(session.send('too late'), false)
    assert.equal(session.comment('too late'), false)
    hub.publish('t', 'too late')
    assert.equal(await closed, 'server')
    await client.end()
    assert.deepEqual(client.data(), data)
    assert.deepEqual(client.comments, [])
    assert.ok(client.complete)
    assert.equal(hub.stats().disconnects.server, 1)
  })
}
