// What can only be seen from outside: when a process ends, and what it survives.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

import { createHub, SsecastError } from 'ssecast'

import { join } from './support/client.mjs'
import { deferred, eventually } from './support/eventually.mjs'
import { serve } from './support/hosts.mjs'
import { start } from './support/processes.mjs'

const npm = fileURLToPath(new URL('..', import.meta.url))
const script = text => ['--input-type=module', '--eval', text]

test('a process with an idle hub exits by itself', async t => {
  const child = start(t, script(`
    import { createHub } from 'ssecast'
    const hub = createHub({ heartbeatMs: 1 })
    hub.publish('t', 'x')
  `), { cwd: npm })
  assert.equal(await child.exited, 0, child.output)
})

for (const delivery of ['auto', 'pull']) {
  test(`a process exits by itself once its clients and its server are gone (${delivery} delivery)`, async t => {
    const child = start(t, script(`
      import http from 'node:http'
      import { createHub, sseMiddleware } from 'ssecast'
      const hub = createHub({ delivery: '${delivery}', heartbeatMs: 10 })
      const server = http.createServer(sseMiddleware(hub, {
        topics: ['t'],
        onConnect(session) {
          hub.publish('t', 'x')
          session.closed.then(() => server.close())
        }
      }))
      server.listen(0, '127.0.0.1', () => {
        process.send(server.address().port)
        process.channel.unref()
      })
    `), { cwd: npm })
    const [port] = await once(child, 'message')
    const client = await join(`http://127.0.0.1:${port}/`)
    await client.has(1)
    assert.equal(child.exitCode, null, 'an open connection keeps it alive')
    client.cut()
    assert.equal(await child.exited, 0, child.output)
  })

  test(`process.exit() with open streams, in the middle of publishing, ends with its code (${delivery} delivery)`, async t => {
    const child = start(t, script(`
      import http from 'node:http'
      import { createHub, sseMiddleware } from 'ssecast'
      const hub = createHub({ delivery: '${delivery}' })
      const server = http.createServer(sseMiddleware(hub, { topics: ['t'] }))
      server.listen(0, '127.0.0.1', () => process.send(server.address().port))
      let published = 0
      setInterval(() => {
        for (let n = 0; n < 100; n++) hub.publish('t', published++)
        if (hub.stats().connections === 10 && hub.stats().delivered > 1000) process.exit(7)
      }, 1)
    `), { cwd: npm })
    const [port] = await once(child, 'message')
    const clients = await Promise.all(Array.from({ length: 10 }, () => join(`http://127.0.0.1:${port}/`)))
    assert.equal(await child.exited, 7, child.output)
    for (const client of clients) {
      await client.end()
      assert.equal(client.complete, false)
    }
  })

  test(`a worker with a hub can be terminated with open streams, and the rest goes on (${delivery} delivery)`, async t => {
    const hub = createHub({ delivery })
    const { url } = await serve(t, hub)
    const own = await join(url)
    for (let round = 0; round < 3; round++) {
      const worker = new Worker(new URL('support/worker.mjs', import.meta.url), { workerData: { delivery } })
      const [port] = await once(worker, 'message')
      const clients = await Promise.all(Array.from({ length: 5 }, () => join(`http://127.0.0.1:${port}/`)))
      await Promise.all(clients.map(client => client.has(3)))
      await worker.terminate()
      hub.publish('t', `round ${round}`)
      await own.has(round + 1)
      await Promise.all(clients.map(client => client.end()))
    }
    assert.deepEqual(own.data(), ['round 0', 'round 1', 'round 2'])
  })
}

test('a panic in Rust is an error in JavaScript, and the hub goes on', async t => {
  const { panicForTest } = createRequire(import.meta.url)('../native.cjs')
  const hub = createHub()
  const { url } = await serve(t, hub)
  const client = await join(url)
  assert.throws(panicForTest, error => {
    assert.ok(error instanceof Error)
    assert.equal(error.code, 'SSECAST_INTERNAL')
    assert.match(error.message, /panicked.*on purpose/)
    return true
  })
  hub.publish('t', 'alive')
  assert.deepEqual(await client.has(1), ['alive'])
})

test('what a toJSON does to the hub while it publishes is fine', async t => {
  const hub = createHub()
  const { url } = await serve(t, hub)
  const client = await join(url)
  hub.publish('t', { toJSON: () => hub.publish('t', 'inner').id && 'outer' })
  assert.deepEqual(await client.has(2), ['inner', '"outer"'])
  assert.throws(() => hub.publish('t', { toJSON() { throw new SsecastError('SSECAST_CLOSED', 'hub', 'not really') } }))
  hub.publish('t', 'alive')
  assert.equal((await client.has(3)).at(-1), 'alive')
})

test('a hub that the program no longer refers to is collected, though it has had clients', async t => {
  const child = start(t, ['--expose-gc', ...script(`
    import http from 'node:http'
    import { createHub, sseMiddleware } from 'ssecast'
    const collected = new Set()
    const registry = new FinalizationRegistry(name => collected.add(name))
    async function use(name) {
      const hub = createHub()
      registry.register(hub, name)
      let session
      const server = http.createServer(sseMiddleware(hub, { topics: ['t'], onConnect: opened => (session = opened) }))
      await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
      const request = http.get({ port: server.address().port, host: '127.0.0.1', agent: false })
      await new Promise(resolve => request.on('response', response => response.once('data', resolve)))
      request.on('error', () => {}).destroy()
      await session.closed
      await new Promise(resolve => server.close(resolve))
    }
    for (let name = 0; name < 5; name++) await use(name)
    for (let turn = 0; turn < 500 && collected.size < 4; turn++) {
      global.gc()
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    process.exit(collected.size >= 4 ? 0 : 1)
  `)], { cwd: npm })
  assert.equal(await child.exited, 0, child.output)
})
