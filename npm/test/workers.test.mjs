// One hub in several workers, whose store is a file: every client has every event, whichever worker it is published in, and
// whichever worker the client comes to.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { createHub } from 'ssecast'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { fileStore } from './support/folder.mjs'
import { serve } from './support/hosts.mjs'
import { start } from './support/processes.mjs'
import { Roaming } from './support/roaming.mjs'

/** A program of this folder. */
const program = name => fileURLToPath(new URL(`support/${name}`, import.meta.url))

/** Starts a server of some workers. */
async function startCluster(t, store, { workers = 4, port = 0 } = {}) {
  const server = start(t, [program('cluster-server.mjs')], { env: { STORE: store, WORKERS: workers, PORT: port } })
  const [message] = await Promise.race([once(server, 'message'), server.exited.then(() => Promise.reject(new Error(server.output)))])
  return Object.assign(server, { port: message.port, url: `http://127.0.0.1:${message.port}` })
}

/** Publishes through whichever worker takes the request. One that is killed may have published or not, and may not answer. */
async function publish(url, n) {
  try {
    const signal = AbortSignal.timeout(2000)
    const response = await fetch(`${url}/publish?n=${n}`, { method: 'POST', headers: { Connection: 'close' }, signal })
    if (response.ok) return await response.json()
  } catch {}
  return undefined
}

test('every client of a cluster has every event, while clients change workers, workers are killed, and the server starts again', async t => {
  const store = await fileStore(t)
  let server = await startCluster(t, store)
  const clients = await Promise.all(Array.from({ length: 200 }, () => new Roaming(`${server.url}/stream`).start()))
  t.after(() => clients.forEach(client => client.leave()))
  const acknowledged = []
  let isOver = false
  const publishing = Array.from({ length: 4 }, async (_, publisher) => {
    for (let n = 0; n < 60; n++) {
      const published = await publish(server.url, `${publisher}-${n}`)
      if (published) acknowledged.push({ ...published, data: `${publisher}-${n}` })
      await delay(5)
    }
  })
  const moving = (async () => {
    for (let n = 0; !isOver; n++) {
      for (let count = 0; count < 5; count++) clients[Math.floor(Math.random() * clients.length)].cut()
      await delay(20)
    }
  })()
  for (let kill = 0; kill < 3; kill++) {
    await delay(150)
    server.send('kill a worker')
  }
  await Promise.all(publishing)
  isOver = true
  await moving
  const { port } = server
  server.send('stop')
  await server.exited
  server = await startCluster(t, store, { workers: 1, port })
  const last = await publish(server.url, 'last')
  await eventually(() => clients.every(client => client.data.at(-1) === 'last'), 'the last event')

  const [epoch, count] = last.id.split('-')
  const ids = Array.from({ length: Number(count) }, (_, index) => `${epoch}-${index + 1}`)
  for (const client of clients) assert.deepEqual(client.events.map(({ id }) => id), ids)
  const byId = new Map(clients[0].events.map(({ id, data }) => [id, data]))
  for (const { id, data } of acknowledged) assert.equal(byId.get(id), data)
  for (const client of clients) assert.deepEqual(client.data, clients[0].data)
  assert.equal(new Set(clients[0].data).size, clients[0].data.length)
  assert.ok(new Set(acknowledged.map(({ worker }) => worker)).size >= 4, 'every worker has published')
  assert.ok(clients.some(client => client.connections > 2))
})

test('a process that was forked has the same hub', async t => {
  const store = await fileStore(t)
  const hub = createHub({ store })
  const { url } = await serve(t, hub)
  const client = await join(url)
  const child = fork(program('publisher.mjs'), { env: { ...process.env, STORE: store } })
  t.after(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  const [{ id }] = await once(child, 'message')
  assert.deepEqual(await client.has(1), ['from the child'])
  assert.equal(client.lastEventId, id)
  const own = await hub.publish('t', 'from the parent')
  assert.equal(own.id, id.replace('-1', '-2'))
  assert.equal(own.subscribers, 1)
  assert.deepEqual(await exit, [0, null])
})
