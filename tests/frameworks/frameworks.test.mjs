// Every adapter in its framework, over sockets, read by an EventSource.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import { join as joinPath } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { EventSource } from 'eventsource'

import { join } from '../../npm/test/support/client.mjs'
import { eventually } from '../../npm/test/support/eventually.mjs'
import { start as startProgram } from '../support/program.mjs'
import { hosts } from './hosts.mjs'

/** A way to a server that can be cut. */
async function detour(url) {
  const sockets = new Set()
  const server = createServer(socket => {
    const other = connect(url.port, url.hostname)
    for (const end of [socket, other]) {
      sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => (sockets.delete(end), socket.destroy(), other.destroy()))
    }
    socket.pipe(other).pipe(socket)
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const cut = () => sockets.forEach(socket => socket.destroy())
  const stop = () => (server.close(), cut())
  return { url: Object.assign(new URL(url), { port: server.address().port }).href, cut, stop }
}

for (const [name, start] of Object.entries(hosts)) {
  describe(`in ${name}`, { timeout: 120_000 }, () => {
    let host
    let way
    const sources = []
    before(async () => {
      host = await start()
      way = await detour(new URL(host.url))
    })
    after(async () => {
      sources.forEach(source => source.close())
      way?.stop()
      await host?.stop()
    })

    /** A client, and the data of its events. */
    async function open(url) {
      const source = new EventSource(url)
      sources.push(source)
      const seen = []
      source.onmessage = ({ data }) => seen.push(data)
      await new Promise(resolve => (source.onopen = resolve))
      return { source, seen }
    }

    test('two clients get every event, one of them across a cut, and one that leaves is noticed', async () => {
      const clients = await Promise.all([open(way.url), open(host.url)])
      await eventually(async () => (await host.connections()) === 2, 'both are there')
      for (const data of ['1', '2']) await host.publish(data)
      await eventually(() => clients.every(({ seen }) => seen.length === 2), 'both have them')
      way.cut()
      for (const data of ['3', '4']) await host.publish(data)
      await eventually(() => clients.every(({ seen }) => seen.length === 4), 'both have all')
      await host.publish('5')
      await eventually(() => clients.every(({ seen }) => seen.length === 5), 'both go on')
      for (const { seen } of clients) assert.deepEqual(seen, ['1', '2', '3', '4', '5'])
      clients[0].source.close()
      await eventually(async () => (await host.connections()) === 1, 'one has left')
      clients[1].source.close()
      await eventually(async () => (await host.connections()) === 0, 'both have left')
    })

    test('the head is that of a stream, with the headers of others', async () => {
      const client = await join(host.url)
      assert.equal(client.status, 200)
      assert.match(client.headers['content-type'], /^text\/event-stream/)
      for (const [header, value] of Object.entries(host.headers ?? {})) assert.equal(client.headers[header], value)
      client.cut()
    })

    test('a POST opens a stream, and a refusal has its status, headers and body', async t => {
      if (!host.hasNoPost) {
        const client = await join(host.url, { method: 'POST', headers: { 'Content-Length': 0 } })
        await host.publish('posted')
        assert.deepEqual(await client.has(1), ['posted'])
        client.cut()
      }
      if (host.hasRefusal) {
        const refused = await fetch(new URL('/refused', host.url))
        assert.deepEqual([refused.status, refused.headers.get('x-why'), await refused.text()], [401, 'no', 'Sign in.'])
      }
    })

    test('it closes with a client that is there', async () => {
      const client = await join(host.url)
      const { stop } = host
      host = undefined
      await stop(client.over)
      assert.ok(client.ended)
    })
  })
}

test('the program for Fastify in the README of the package sends an event each second', async () => {
  const readme = readFileSync(new URL('../../npm/README.md', import.meta.url), 'utf8')
  const [, program] = /^```js fastify\n([^]*?)^```$/m.exec(readme)
  const folder = mkdtempSync(fileURLToPath(new URL('readme-', import.meta.url)))
  const path = joinPath(folder, 'fastify.mjs')
  writeFileSync(path, program)
  const { port, stop } = await startProgram(path)
  try {
    const client = await join(`http://127.0.0.1:${port}/stream`)
    assert.equal(typeof JSON.parse((await client.has(1))[0]).now, 'number')
    client.cut()
  } finally {
    await stop()
    rmSync(folder, { recursive: true })
  }
})

test('programs for every framework compile under tsc, and their mistakes do not', async () => {
  const require = createRequire(import.meta.url)
  const tsc = joinPath(require.resolve('typescript/package.json'), '..', require('typescript/package.json').bin.tsc)
  const types = fileURLToPath(new URL('types', import.meta.url))
  await promisify(execFile)(process.execPath, [tsc, '-p', types]).catch(({ stdout }) => assert.fail(stdout))
})
