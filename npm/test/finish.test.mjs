import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createHub } from 'ssecast'

import { join } from './support/client.mjs'
import { hosts, serve } from './support/hosts.mjs'

for (const delivery of ['auto', 'pull']) {
  const check = (name, body) => test(`${name} (${delivery} delivery)`, body)

  check('a finished answer is whole, and the client that comes back is answered 204', async t => {
    const hub = createHub({ delivery })
    let streams = 0
    const onConnect = async session => {
      streams++
      await session.pipe(['one', 'word', 'after', 'another'])
      assert.equal(await session.finish(), 'server')
      assert.equal(session.send('too late'), false)
    }
    const { url } = await serve(t, hub, { onConnect, cors: true })
    const client = await (await join(url)).end()
    assert.deepEqual(client.data(), ['one', 'word', 'after', 'another'])
    assert.ok(client.complete)

    const back = await (await join(url, { lastEventId: client.lastEventId })).end()
    assert.deepEqual([back.status, back.text, back.headers['content-type']], [204, '', undefined])
    assert.equal((await join(url, { method: 'HEAD', lastEventId: client.lastEventId })).status, 204)
    assert.equal(streams, 1)
    assert.equal(hub.stats().connections, 0)
  })

  check('what was published before goes out before a stream with topics is finished', async t => {
    const hub = createHub({ delivery })
    const { url } = await serve(t, hub, { topics: ['t'], release: true, onConnect: session => void opened.push(session) })
    const opened = []
    const client = await join(url)
    for (let n = 0; n < 100; n++) hub.publish('t', 'x'.repeat(5_000))
    opened[0].finish()
    hub.publish('t', 'after the end')
    await client.end()
    assert.equal(client.data().length, 100)
    assert.equal((await join(url, { lastEventId: client.lastEventId })).status, 204)
  })
}

for (const { name, version, start } of hosts) {
  test(`${name}: a client whose stream was finished is answered 204, once it is allowed`, async t => {
    const options = { topics: ['t'], authorize: context => (context.req ?? context).url === '/' }
    const { url, errors } = await start(t, createHub(), options)
    const back = await join(url, { version, lastEventId: 'ssecast-finished' })
    assert.equal(back.status, 204)
    assert.equal((await join(`${url}secret`, { version, lastEventId: 'ssecast-finished' })).status, 403)
    assert.deepEqual(errors, [])
  })
}

test('the id of finished streams is refused for events', () => {
  const hub = createHub()
  assert.throws(() => hub.publish('t', 'x', { id: 'ssecast-finished' }), { code: 'SSECAST_INVALID_ID', field: 'id' })
})

test('the last event ID of the option lastEventId ends a finished stream, too', async t => {
  const lastEventId = ({ url }) => new URL(url, 'http://localhost').searchParams.get('last')
  const { url } = await serve(t, createHub(), { topics: ['t'], lastEventId })
  assert.equal((await join(`${url}?last=ssecast-finished`)).status, 204)
  assert.equal((await join(`${url}?last=other`)).status, 200)
})

test('a listener answers 204 as well', async t => {
  const hub = createHub()
  t.after(() => hub.close())
  const { port } = await hub.listen({ topics: async () => ['t'] })
  assert.equal((await join(`http://127.0.0.1:${port}/`, { lastEventId: 'ssecast-finished' })).status, 204)
})
