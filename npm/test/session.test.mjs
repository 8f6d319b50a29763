import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createHub, Session } from 'ssecast'

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

  check('a session knows its request, its topics and where its client was', async t => {
    const { session, client } = await connect(t, { topics: ['a', 'b', 'a'], lastEventId: 'ünknown' })
    assert.ok(session instanceof Session)
    assert.equal(session.request.headers.accept, 'text/event-stream')
    assert.deepEqual(session.topics.sort(), ['a', 'b'])
    assert.equal(session.lastEventId, 'ünknown')
    assert.equal(session.signal.aborted, false)
    await eventually(() => client.resets.length === 1, 'the reset')
    assert.ok(['socket', 'pull'].includes(session.delivery))
  })

  check('a client without a last event ID has an empty one', async t => {
    const { session } = await connect(t)
    assert.equal(session.lastEventId, '')
  })

  check('send writes every field, to one client alone', async t => {
    const { session, client, url, hub } = await connect(t)
    const other = await join(url)
    assert.equal(session.send({ a: 4 }, { event: 'testEvent', id: '123', retry: 30000, comment: 'hello' }), true)
    hub.publish('t', 'all')
    assert.deepEqual(await other.has(1), ['all'])
    await client.has(2)
    assert.deepEqual(client.events[0], { event: 'testEvent', data: '{"a":4}', id: '123' })
    assert.deepEqual(client.retries, [2000, 30000])
    assert.ok(client.comments.includes('hello'))
  })

  check('comment sends a comment, split at its line ends', async t => {
    const { session, client } = await connect(t)
    assert.equal(session.comment('one\ndata: two'), true)
    session.send('after')
    await client.has(1)
    assert.deepEqual(client.comments, ['one', 'data: two'])
    assert.deepEqual(client.data(), ['after'])
  })

  check('subscribing twice does not double events', async t => {
    const { session, client, hub } = await connect(t, { topics: ['a'] })
    session.subscribe('a')
    session.subscribe('a', 'a')
    hub.publish('a', 'one')
    hub.publish('a', 'two')
    assert.deepEqual(await client.has(2), ['one', 'two'])
    session.send('end')
    assert.deepEqual(await client.has(3), ['one', 'two', 'end'])
  })

  check('closing twice is fine, and so is everything after it', async t => {
    const { session, client } = await connect(t)
    assert.equal(session.close(), session.closed)
    assert.equal(await session.close(), 'server')
    assert.equal(session.send('x'), false)
    assert.equal(session.comment('x'), false)
    session.subscribe('other')
    session.unsubscribe('t')
    assert.equal(await session.close(), 'server')
    assert.deepEqual(session.signal.aborted, true)
    await client.end()
  })

  check('a client that leaves ends its session, and aborts its signal', async t => {
    const { session, client, hub } = await connect(t)
    const { signal } = session
    const aborted = new Promise(resolve => signal.addEventListener('abort', resolve))
    client.cut()
    assert.equal(await session.closed, 'client')
    await aborted
    assert.equal(session.send('x'), false)
    await eventually(() => hub.stats().connections === 0, 'it is unregistered')
    assert.equal(hub.stats().disconnects.client, 1)
  })

  check('closing in onConnect lets out what was sent there', async t => {
    const hub = createHub({ delivery })
    const { url } = await serve(t, hub, {
      topics: ['t'],
      onConnect(session) {
        session.send('hello')
        session.close()
      }
    })
    const client = await (await join(url)).end()
    assert.deepEqual(client.data(), ['hello'])
    assert.ok(client.complete)
  })

  check('an onConnect that throws ends its own stream alone', async t => {
    t.mock.method(console, 'error', () => {})
    const hub = createHub({ delivery })
    let fault = true
    const { url } = await serve(t, hub, {
      topics: ['t'],
      onConnect() {
        if (fault) throw new Error('on purpose')
      }
    })
    await (await join(url)).end()
    fault = false
    const client = await join(url)
    hub.publish('t', 'alive')
    assert.deepEqual(await client.has(1), ['alive'])
    assert.equal(hub.stats().disconnects.error, 1)
  })

  check('a quiet stream gets heartbeats, and they carry the cursor when the log moved on', async t => {
    const { client, hub } = await connect(t, { topics: ['quiet'], heartbeatMs: 30 })
    await eventually(() => client.comments.length >= 2, 'two heartbeats')
    assert.deepEqual(new Set(client.comments), new Set(['']))
    const { id } = hub.publish('busy', 'x')
    await eventually(() => client.lastEventId === id, 'the cursor in a heartbeat')
    assert.deepEqual(client.events, [])
  })

  check('heartbeats, the reconnection time and the preamble can be turned off', async t => {
    const { client, session } = await connect(t, { topics: [], heartbeatMs: null, retryMs: null })
    session.send('first')
    await client.has(1)
    assert.equal(client.text, 'data: first\n\n')
  })
}
