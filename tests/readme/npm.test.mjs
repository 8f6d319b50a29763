// Runs each program in the npm package's README as it stands there.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

import { EventSource } from '../../npm/client.mjs'
import { start } from '../support/program.mjs'

const readme = readFileSync(new URL('../../npm/README.md', import.meta.url), 'utf8')
const program = mark => new RegExp(`^\`\`\`js ${mark}\\n([^]*?)^\`\`\`$`, 'm').exec(readme)[1]

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise(resolve => server.close(resolve))
  return port
}

describe('a program in the README of the npm package', { timeout: 30_000 }, () => {
  // Inside of the package, its own name leads to it.
  const dist = fileURLToPath(new URL('../../npm/dist/', import.meta.url))
  mkdirSync(dist, { recursive: true })
  const folder = mkdtempSync(join(dist, 'readme-'))
  after(() => rmSync(folder, { recursive: true }))

  /** Runs a program on a free port. */
  async function run(t, name, code) {
    const path = join(folder, name)
    const port = await freePort()
    writeFileSync(path, code.replace('listen(3000', `listen(${port}`).replace('file:./events', `file:${folder}/events`))
    const { child, early, stop } = await start(path, { keepPort: true })
    t.after(() => stop())
    await Promise.race([once(child, 'message'), early])
    return `http://127.0.0.1:${port}`
  }

  /** The first events of a stream. */
  async function take(source, count) {
    const events = []
    for await (const { lastEventId, data } of source) {
      events.push([lastEventId, data])
      if (events.length === count) return events
    }
  }

  it('sends an event each second', async t => {
    const url = await run(t, 'express.mjs', program('run').replace(/listen\(.*(?=\))/, "$&, () => process.send('it listens')"))
    const [[, data]] = await take(new EventSource(`${url}/stream`), 1)
    assert.equal(typeof JSON.parse(data).now, 'number')
  })

  it('answers a POST by a web Response', async t => {
    const path = join(folder, 'response.mjs')
    writeFileSync(path, program('response'))
    const { POST } = await import(path)
    const request = new Request('http://localhost', { method: 'POST', body: JSON.stringify({ question: 'one two' }) })
    // As a server would, this keeps the process alive.
    const alive = setInterval(() => {}, 1000)
    t.after(() => clearInterval(alive))
    const text = await (await POST(request)).text()
    assert.deepEqual([...text.matchAll(/^data: ?(.*)$/gm)].map(([, data]) => data), ['one', 'two'])
  })

  it('is a route of Next and its configuration', async () => {
    const [route, config] = program('next').split(/^(?=\/\/ next\.config\.mjs$)/m)
    for (const [name, code] of [['route.mjs', route], ['next.config.mjs', config]]) writeFileSync(join(folder, name), code)
    const { GET } = await import(join(folder, 'route.mjs'))
    const response = await GET(new Request('http://localhost/stream', { headers: { Accept: 'text/event-stream' } }))
    assert.equal(response.headers.get('Content-Type'), 'text/event-stream; charset=utf-8')
    await response.body.cancel()
    const { default: settings } = await import(join(folder, 'next.config.mjs'))
    assert.deepEqual(settings.serverExternalPackages, ['ssecast'])
  })

  it('refuses a client without a user, and lets one with a user in', async () => {
    const path = join(folder, 'authorize.mjs')
    writeFileSync(path, `import { createHub } from 'ssecast'
      const hub = createHub()
      const options = { topics: ['t'], ${program('authorize')} }
      export const respond = user => hub.response(Object.assign(new Request('http://localhost'), { user }), options)`)
    const { respond } = await import(path)
    const refusal = await respond()
    assert.deepEqual([refusal.status, refusal.headers.get('WWW-Authenticate'), await refusal.text()], [401, 'Bearer', 'Sign in first.'])
    const stream = await respond('Ada')
    assert.equal(stream.status, 200)
    await stream.body.cancel()
  })

  it('reads events in its own process', () => {
    const path = join(folder, 'subscribe.mjs')
    writeFileSync(path, program('subscribe'))
    assert.match(execFileSync(process.execPath, [path], { encoding: 'utf8' }), /^\S+-1 {"number":7}\n$/)
  })

  it('with several workers sends what each of them publishes to the clients of all', async t => {
    const tell = "let count = 0\ncluster.on('listening', () => ++count === 4 && process.send('all listen'))\n"
    const url = await run(t, 'cluster.mjs', program('cluster') + tell)
    const sources = Array.from({ length: 8 }, () => new EventSource(`${url}/stream`))
    await Promise.all(sources.map(source => new Promise(resolve => (source.onopen = resolve))))
    const events = Promise.all(sources.map(source => take(source, 8)))
    const published = []
    for (let n = 0; n < 8; n++) {
      const response = await fetch(`${url}/publish`, { method: 'POST', headers: { Connection: 'close' } })
      published.push((await response.json()).id)
    }
    for (const got of await events) assert.deepEqual(got.map(([id]) => id), published)
  })
})
