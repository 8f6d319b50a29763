// Runs each program in the README, and in the guides that go on from it, as it stands there.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { start } from '../support/program.mjs'

const pages = ['README.md', ...['frameworks', 'clients', 'answers', 'shutdown'].map(name => `docs/guide/${name}.md`)]
const readme = pages.map(page => readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')).join('\n')
const programs = [...readme.matchAll(/^```js run(?: \[.*\])?\n([^]*?)^```$/gm)].map(([, code]) => code)

describe('a program in the README', { timeout: 30_000 }, () => {
  // Inside of the package, its own name leads to it.
  const dist = fileURLToPath(new URL('../../npm/dist/', import.meta.url))
  mkdirSync(dist, { recursive: true })
  const folder = mkdtempSync(join(dist, 'readme-'))
  after(() => rmSync(folder, { recursive: true }))

  function write(t, code) {
    const path = join(folder, `${t.name.replace(/\W+/g, '-')}.mjs`)
    writeFileSync(path, code)
    return path
  }

  async function run(t, code) {
    const path = write(t, code)
    const { port, stop } = await start(path)
    t.after(() => stop())
    return `http://127.0.0.1:${port}`
  }

  it('is there for Express, Koa, node:http, the listener, a session and the parser', () => {
    const hosts = programs.map(code => /from '(.+?)'/.exec(code)[1])
    assert.deepEqual(hosts, ['express', 'koa', 'node:http', 'ssecast', 'ssecast', 'express'])
  })

  for (const code of programs.filter(code => code.includes('hub.publish'))) {
    const [, host] = /from '(.+?)'/.exec(code)
    it(`with ${host} takes at most five lines, and sends the same events to each of three clients`, async t => {
      const lines = code.split('\n').filter(line => line && !line.startsWith('import '))
      assert.ok(lines.length <= 5, code)
      const url = await run(t, code)
      const streams = await Promise.all([1, 2, 3].map(() => open(t, `${url}/stream`)))
      const events = await Promise.all(streams.map(stream => take(stream, 2)))
      // All three were there before the second event; whether also before the first is up to the second hand.
      const seconds = events.map(([first, second]) => [first.id, second.id])
      const common = seconds[0].filter(id => seconds.every(ids => ids.includes(id)))
      assert.ok(common.length > 0, JSON.stringify(seconds))
      for (const event of events.flat()) assert.equal(typeof JSON.parse(event.data).now, 'number')
    })
  }

  it('that shuts down says goodbye to its clients and exits with 0, though a timer goes on publishing', async t => {
    const [, shutdown] = /^```js shutdown \[Node\]\n([^]*?)^```$/m.exec(readme)
    const express = programs.find(code => code.includes("from 'express'"))
    const often = express.replace('app.listen(3000)\n', '').replace('1000)', '1)')
    const { port, stop } = await start(write(t, often + shutdown))
    const streams = await Promise.all([1, 2, 3].map(() => open(t, `http://127.0.0.1:${port}/stream`)))
    const events = Promise.all(streams.map(stream => take(stream)))
    assert.deepEqual(await stop('SIGTERM'), { code: 0, signal: null })
    for (const got of await events) assert.equal(got.at(-1).event, 'bye')
  })

  it('with the parser prints what it reads', t => {
    const code = programs.find(code => code.includes('createParser'))
    const output = execFileSync(process.execPath, [write(t, code)], { encoding: 'utf8' })
    assert.equal(output, 'tick 7 one\n7\ntwo\nthree\n')
  })

  it('with the client prints the first event, and ends', t => {
    const [, code] = /^```js client\n([^]*?)^```$/m.exec(readme)
    const output = execFileSync(process.execPath, [write(t, code)], { encoding: 'utf8' })
    assert.equal(output, 'message one\n')
  })

  it('with a session sends what is piped into it, and ends', async t => {
    const code = programs.find(code => code.includes('.pipe('))
    const stream = await open(t, `${await run(t, code)}/answer`)
    const events = await take(stream)
    assert.deepEqual(events.map(({ event, data }) => [event, data]), [
      ['token', 'one'],
      ['token', 'word'],
      ['token', 'after'],
      ['token', 'another'],
      ['token', '[DONE]'],
    ])
  })
})

function open(t, url) {
  return new Promise((resolve, reject) => {
    const request = get(url, response => {
      t.after(() => request.destroy())
      assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8')
      resolve(response.setEncoding('utf8'))
    })
    request.on('error', reject)
  })
}

/** The next events with data of a stream: that many, or all until it ends. */
async function take(stream, count = Infinity) {
  const events = []
  let text = ''
  for await (const chunk of stream) {
    const blocks = (text + chunk).split('\n\n')
    text = blocks.pop()
    for (const block of blocks) {
      const event = Object.fromEntries(block.split('\n').map(line => line.split(/: ?(.*)/s, 2)))
      if (event.data !== undefined) events.push(event)
    }
    if (events.length >= count) break
  }
  return events.slice(0, count)
}
