// A client without a last event ID may begin with history, whichever way its events go out.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createHub, sseMiddleware } from 'ssecast'

import { join } from './support/client.mjs'
import { fileStore } from './support/folder.mjs'
import { hosts, serve } from './support/hosts.mjs'

/** Publishes the numbers up to `last` to the topics `a` and `b` in turn. */
async function publish(hub, first, last) {
  for (let n = first; n <= last; n++) await hub.publish(n % 2 ? 'a' : 'b', String(n))
}

/** A new client begins with what `replay` says, goes on live, and resumes from there as any other. */
async function checkReplay(hub, url, first, options) {
  await publish(hub, 1, 10)
  const client = await join(url, options)
  await publish(hub, 11, 12)
  const expected = Array.from({ length: 12 - first + 1 }, (_, index) => String(first + index))
  assert.deepEqual(await client.has(expected.length), expected)
  client.cut()
  await publish(hub, 13, 13)
  const again = await join(url, { ...options, lastEventId: client.lastEventId })
  assert.deepEqual(await again.has(1), ['13'])
  assert.deepEqual([client.resets, again.resets], [[], []])
  again.cut()
}

describe('replay', { concurrency: true }, () => {
  for (const [replay, first] of [[undefined, 11], [0, 11], [3, 8], [10, 1], [1000, 1], ['all', 1]]) {
    for (const delivery of ['auto', 'pull']) {
      test(`of ${replay} (${delivery} delivery)`, async t => {
        const hub = createHub({ delivery })
        const { url } = await serve(t, hub, { topics: ['a', 'b'], replay })
        await checkReplay(hub, url, first)
      })
    }
  }

  for (const { name, version, start } of hosts) {
    test(`of 4 in ${name}`, async t => {
      const hub = createHub()
      const { url } = await start(t, hub, { topics: ['a', 'b'], replay: 4 })
      await checkReplay(hub, url, 7, { version })
    })
  }

  for (const [replay, first] of [[2, 9], ['all', 1]]) {
    for (const topics of [['a', 'b'], () => ['a', 'b']]) {
      test(`of ${replay} by a listener whose topics are ${typeof topics === 'function' ? 'asked for' : 'fixed'}`, async t => {
        const hub = createHub()
        const { port } = await hub.listen({ topics, replay })
        t.after(() => hub.close({ graceMs: 0 }))
        await checkReplay(hub, `http://127.0.0.1:${port}/`, first)
      })
    }
  }

  test('of 5 from a store', async t => {
    const hub = createHub({ store: await fileStore(t) })
    const { url } = await serve(t, hub, { topics: ['a', 'b'], replay: 5 })
    await checkReplay(hub, url, 6)
  })

  test('has the events of the stream\'s own topics alone', async t => {
    const hub = createHub()
    await publish(hub, 1, 10)
    const { url } = await serve(t, hub, { topics: ['a'], replay: 3 })
    assert.deepEqual(await (await join(url)).has(3), ['5', '7', '9'])
  })

  test('of what is no number of events is refused', async () => {
    const hub = createHub()
    for (const replay of [-1, 1.5, NaN, Infinity, '10', 'ALL', null, true, {}, 2 ** 60]) {
      const options = { topics: ['t'], replay }
      assert.throws(() => sseMiddleware(hub, options), { code: 'SSECAST_INVALID_OPTION', field: 'replay' })
      await assert.rejects(hub.listen(options), { code: 'SSECAST_INVALID_OPTION', field: 'replay' })
    }
    assert.throws(() => sseMiddleware(hub, { replay: 1 }), { code: 'SSECAST_INVALID_OPTION', field: 'replay', message: /needs topics/ })
  })
})
