// The pages that the seeds came with, as they are, in front of the seeds' servers rewritten with ssecast.
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { describe, it } from 'node:test'
import { start } from '../support/program.mjs'
import { launch } from './support/browser.mjs'

const example = path => new URL(`../../npm/examples/${path}`, import.meta.url).pathname

describe('the page of a seed', { timeout: 60_000 }, () => {
  /**
   * Starts a server and opens its page. The pages name port 3000 and the server gets a free one, so the browser
   * alone is told that the one is the other.
   */
  async function open(t, program, url) {
    const server = await start(example(program))
    t.after(() => server.stop())
    const { port, hostname } = new URL(url)
    const browser = await launch(`--host-resolver-rules=MAP ${hostname}:${port} 127.0.0.1:${server.port}`)
    t.after(() => browser.close())
    const page = await browser.newPage()
    const log = new Log()
    page.on('console', message => log.take(message.args()).catch(error => /closed/.test(error.message) || log.emit('error', error)))
    await page.goto(url)
    return { page, log }
  }

  it('time: shows that it is open, when it connected, and each time, until it is stopped', async t => {
    const { page } = await open(t, 'time/server.mjs', 'http://127.0.0.1:3000/')
    const shown = text => page.waitForFunction(text => new RegExp(text).test(document.body.innerText), text)
    await shown('Connection open \\.\\.\\.')
    await shown('Start time: \\w{3} \\w{3} \\d\\d \\d{4}')
    await shown('Ping: \\d{13}-xutao[^]*Ping: \\d{13}-xutao')
    await page.click('#btn-close')
    assert.equal(await page.evaluate(() => source.readyState), 2)
    assert.doesNotMatch(await page.innerText('body'), /Connection close/)
  })

  it('dates: logs that it is open, and each date, until it is closed', async t => {
    const { page, log } = await open(t, 'dates/server.mjs', 'http://127.0.0.1:3000/')
    await log.line(line => line === 'Server open')
    await log.line(line => /^\d{13}$/.test(line))
    await page.click('#close')
    assert.equal(await page.evaluate(() => evtSource.readyState), 2)
    assert.ok(!log.lines.includes('Error'))
  })

  it('events: logs the event with a type and an id, and the one without', async t => {
    const { log } = await open(t, 'events/server.mjs', 'http://localhost:3000/index.html')
    const typed = await log.line(line => line[0] === '收到指定 event 事件')
    assert.deepEqual(JSON.parse(typed[1]), { a: 4 })
    const plain = await log.line(line => line[0] === '收到无 event 字段消息')
    assert.equal(plain[1], 'this is SimpleEvent')
  })

  it('answer: asks by POST with a header, with our client, and shows the whole answer once', async t => {
    const { page } = await open(t, 'answer/server.mjs', 'http://127.0.0.1:3000/')
    await page.waitForFunction(() => document.querySelector('#answer').textContent === 'Ada asked: what is new? ')
  })

  for (const program of ['http.mjs', 'express.mjs', 'koa1.cjs']) {
    it(`index-html with ${program}: logs that it is open, and each message`, async t => {
      const { log } = await open(t, `index-html/${program}`, 'http://127.0.0.1:9999/')
      await log.line(line => line[0] === 'open')
      const [, data] = await log.line(line => line[0] === 'message')
      assert.ok(Math.abs(Date.now() - Date.parse(data)) < 60_000, data)
      assert.ok(!log.lines.some(line => line[0] === 'error'))
    })
  }
})

/** What a page wrote to its console: a value for each line, or two; of an event its type and data. */
class Log extends EventEmitter {
  lines = []

  async take([first, second]) {
    const value = await first?.evaluate(value => (value instanceof Event ? [value.type, value.data] : value))
    this.lines.push(second ? [value, await second.jsonValue()] : value)
    this.emit('line')
  }

  /** The first line that fits, as soon as there is one. */
  async line(fits) {
    for (;;) {
      const line = this.lines.find(line => fits(line))
      if (line !== undefined) return line
      await once(this, 'line')
    }
  }
}
