import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { start } from '../support/program.mjs'
import { launch, problemsOf } from './support/browser.mjs'

const path = relative => fileURLToPath(new URL(`../../${relative}`, import.meta.url))
const screenshots = path('tests/browser/screenshots/')

/** The same page in front of a server of each language. */
const demos = {
  node: { program: path('npm/examples/demo/server.mjs'), execPath: process.execPath, host: 'Express', hasClient: true, hasWorkers: true },
  python: { program: path('python/examples/demo/server.py'), execPath: path('python/.venv/bin/python'), host: 'FastAPI' },
}

for (const [language, { program, execPath, host, hasClient, hasWorkers }] of Object.entries(demos)) describe(`the demo in ${language}`, { timeout: 120_000 }, () => {
  let browser, demo, address
  before(async () => {
    mkdirSync(screenshots, { recursive: true })
    demo = await start(program, { env: { PORT: '0' }, keepPort: true, execPath })
    address = await Promise.race([demo.early, addressOf(demo.child)])
    browser = await launch()
  })
  after(async () => {
    await browser?.close()
    assert.deepEqual(await demo?.stop(), { code: 0, signal: null }, 'the server exits by itself when it is told to stop')
  })

  async function open(t, options = {}) {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options })
    t.after(() => page.close())
    const problems = problemsOf(page)
    await page.goto(address)
    await whole(page, 4)
    return { page, problems }
  }

  /** Resolves when that many clients are connected, and each of them got something and missed nothing. */
  function whole(page, count) {
    return page.waitForFunction(count => {
      const cards = [...document.querySelectorAll('.card')]
      const fine = card =>
        card.querySelector('.pill').textContent === 'open' &&
        card.querySelector('.proof').dataset.ok === 'true' &&
        !/ 0 of /.test(card.querySelector('.proof').textContent)
      return cards.length === count && cards.every(fine)
    }, count)
  }

  it('shows four live clients without a gap, and the counters of the hub', async t => {
    const { page, problems } = await open(t)
    await page.waitForFunction(() => document.querySelector('#server').textContent === 'live')
    assert.equal(await page.textContent('#host'), host)
    await page.waitForFunction(() => document.querySelector('#connections').textContent === '6')
    await page.waitForFunction(() => Number(document.querySelector('#delivered-rate').textContent) > 60)
    assert.match(await page.textContent('.card .proof'), /gap-free: (\d+) of \1$/)
    assert.deepEqual(problems, [])
  })

  it('shares the connection for its counters with the other pages of the browser, and keeps it when one is closed', async t => {
    const context = await browser.newContext()
    t.after(() => context.close())
    const pages = [await context.newPage(), await context.newPage()]
    const problems = pages.map(problemsOf)
    for (const page of pages) {
      await page.goto(address)
      await whole(page, 4)
    }
    // Eight clients, the slow one, and one for the counters.
    for (const page of pages) await page.waitForFunction(() => document.querySelector('#connections').textContent === '10')
    await pages.shift().close()
    await pages[0].waitForFunction(() => document.querySelector('#connections').textContent === '6')
    assert.deepEqual(problems.flat(), [])
  })

  it('adds clients beyond the six connections of one origin, and lets one leave', async t => {
    const { page, problems } = await open(t)
    for (let count = 4; count < 10; count++) await page.click('#add')
    await whole(page, 10)
    await page.click('.card:first-child .leave')
    await whole(page, 9)
    await page.waitForFunction(() => /^9 of 9 connected/.test(document.querySelector('#summary').textContent))
    assert.deepEqual(problems, [])
  })

  it('cuts a client off, which resumes with nothing lost', async t => {
    const { page, problems } = await open(t)
    await page.click('.card:nth-child(2) .cut')
    await page.waitForFunction(() => document.querySelector('.card:nth-child(2) .pill').textContent === 'connecting')
    await page.waitForFunction(() => /^Resumed at/.test(document.querySelector('.card:nth-child(2) .note').textContent))
    assert.match(await page.textContent('.card:nth-child(2) .note'), /^Resumed at \S+-\d+ after \d\.\d s: [1-9]\d* replayed, 0 lost\.$/)
    await whole(page, 4)
    assert.deepEqual(problems, [])
  })

  it('cuts all clients off at a high rate, and all resume with nothing lost', async t => {
    const { page, problems } = await open(t)
    await page.fill('#rate', '90')
    await page.waitForFunction(() => Number(document.querySelector('#published-rate').textContent) > 200)
    await page.click('#cut-all')
    await page.waitForFunction(() =>
      [...document.querySelectorAll('.card .note')].every(note => / replayed, 0 lost\.$/.test(note.textContent)),
    )
    await whole(page, 4)
    await page.fill('#rate', '48')
    await page.waitForFunction(() => Number(document.querySelector('#published-rate').textContent) < 100)
    assert.deepEqual(problems, [])
  })

  if (hasWorkers) it('kills a server, whose clients come back through the other one with nothing lost', async t => {
    const { page, problems } = await open(t)
    const servers = () => page.$$eval('.card .worker', cells => cells.map(cell => cell.textContent))
    await page.waitForFunction(() => [...document.querySelectorAll('.card .worker')].every(cell => cell.textContent))
    // Those of all clients, so that there is one to lose.
    const [killed] = (await servers()).map(text => /server (\d)/.exec(text)[1])
    await page.waitForFunction(() => document.querySelectorAll('#worker-list .pill[data-state=open]').length === 2)
    await page.click(`#worker-list li:nth-child(${killed}) button`)
    await page.waitForFunction(killed => document.querySelector(`#worker-list li:nth-child(${killed}) .pill`)?.textContent === 'gone', killed)
    await page.waitForFunction(
      killed => [...document.querySelectorAll('.card .worker')].every(cell => !cell.textContent.startsWith(`server ${killed} `)),
      killed,
    )
    await page.waitForFunction(() => [...document.querySelectorAll('.card .note')].every(note => / replayed, 0 lost\.$|^Connected/.test(note.textContent)))
    assert.ok((await page.$$eval('.card .note', notes => notes.map(note => note.textContent))).some(text => text.startsWith('Resumed at')))
    await whole(page, 4)
    await page.waitForFunction(() => document.querySelectorAll('#worker-list .pill[data-state=open]').length === 2)
    assert.equal(await page.textContent('#resets'), 'none')
    // The browser says that the connections were cut.
    assert.deepEqual(problems.filter(problem => !/ERR_(INCOMPLETE_CHUNKED_ENCODING|CONNECTION_RESET|CONNECTION_REFUSED|EMPTY_RESPONSE)/.test(problem)), [])
  })

  it('stalls a client until the policy ends it, and it resumes with nothing lost', async t => {
    const { page, problems } = await open(t)
    const step = (name, text) =>
      page.waitForFunction(
        ([name, text]) => new RegExp(text).test(document.querySelector(`#step-${name}`).textContent),
        [name, text],
      )
    // What the meter says, all the time.
    await page.evaluate(() => {
      window.lags = []
      new MutationObserver(() => window.lags.push(document.querySelector('#lag').textContent)).observe(document.querySelector('#lag'), { childList: true })
    })
    await page.click('#stall')
    await step('stalled', 'at \\d\\d:\\d\\d:\\d\\d')
    await step('lagging', 'up to [1-9].* KiB')
    await step('ended', 'reason: lagged')
    assert.match(await page.textContent('#disconnects'), /1 × lagged/)
    assert.deepEqual([await page.textContent('#lag'), await page.textContent('#lag-more')], ['512 KiB of 512 KiB', 'at the limit it was disconnected'])
    assert.equal(await page.evaluate(() => window.lags.every(text => parseFloat(text) <= 512 || / B of /.test(text))), true)
    await page.click('#read')
    await step('resumed', '^Resumes[1-9]\\d* replayed, 0 lost')
    await whole(page, 4)
    assert.deepEqual(problems, [])
  })

  it('publishes by hand to every client, of any type', async t => {
    const { page, problems } = await open(t)
    for (const [type, text] of [['', 'Hello, 日本 😀'], ['notice', 'of a type']]) {
      await page.fill('#type', type)
      await page.fill('#text', text)
      await page.evaluate(() => document.querySelector('#outcome').replaceChildren())
      await page.click('#publish button')
      await page.waitForFunction(
        ([type, text]) =>
          [...document.querySelectorAll('.card .log')].every(log =>
            [...log.children].some(line => line.textContent === (type || 'message') + text),
          ),
        [type, text],
      )
      // The event may come before the answer to its publication.
      await page.waitForFunction(() => /^Published as \S+-\d+ to (4 clients|\d clients? of server \d, and to those of the other)\.$/.test(document.querySelector('#outcome').textContent))
    }
    await page.fill('#topic', 'unread')
    await page.click('#publish button')
    await page.waitForFunction(() => / to 0 clients( of server \d, and to those of the other)?\.$/.test(document.querySelector('#outcome').textContent))
    assert.deepEqual(problems, [])
  })

  it('says which field of a publication was refused', async t => {
    const { page } = await open(t)
    await page.fill('#topic', '')
    await page.click('#publish button')
    await page.waitForFunction(() => document.querySelector('#outcome').dataset.ok === 'false')
    assert.match(await page.textContent('#outcome'), /^SSECAST_INVALID_TOPIC: topic /)
  })

  it('takes nothing by hand that its own numbers would be confused by', async t => {
    const { page } = await open(t)
    for (const [topic, type, field] of [['ticks', '', 'topic ticks'], ['stats', 'stats', 'topic stats'], ['blocks', 'x', 'topic blocks'],
      ...['tick', 'block', 'stats', 'worker', 'reset', 'open', 'error'].map(type => ['board', type, `event type ${type}`])]) {
      await page.fill('#topic', topic)
      await page.fill('#type', type)
      await page.click('#publish button')
      await page.waitForFunction(field => document.querySelector('#outcome').textContent.startsWith(`The ${field} is the demo's own`), field)
    }
    await whole(page, 4)
    assert.equal(await page.textContent('#resets'), 'none')
  })

  it('shows beside the form what arrived, where the cards are out of sight', async t => {
    const { page, problems } = await open(t, { viewport: { width: 390, height: 844 } })
    await page.click('#publish button')
    await page.waitForFunction(() => document.querySelector('#outcome').textContent.startsWith('Published'))
    await page.waitForFunction(() => document.querySelector('#arrived').textContent === 'messageHello, everyone4 of 4 cards')
    // A page scrolls by whole pixels, and what grows above the list is made up for with the next frame.
    await page.waitForFunction(() => document.querySelector('#arrived').getBoundingClientRect().bottom < innerHeight + 1)
    assert.deepEqual(problems, [])
  })

  it('says that there is too much data', async t => {
    const { page } = await open(t)
    const publish = async (size, pattern) => {
      await page.evaluate(size => (document.querySelector('#text').value = 'x'.repeat(size)), size)
      await page.click('#publish button')
      await page.waitForFunction(pattern => new RegExp(pattern).test(document.querySelector('#outcome').textContent), pattern)
    }
    await publish(1 << 20, '^SSECAST_EVENT_TOO_LARGE: ')
    await publish(2 << 20, '^SSECAST_EVENT_TOO_LARGE: |^The server refused the request: request entity too large')
    await whole(page, 4)
  })

  it('says of what its connections and its rate are made, and the numbers add up', async t => {
    const { page, problems } = await open(t)
    await page.waitForFunction(() => /^\d+ ticks for the cards \+ \d+ blocks for the slow client \+ \d+ counters for this page$/.test(document.querySelector('#published-of').textContent))
    await page.waitForFunction(() => document.querySelector('#connections-of').textContent === '4 cards + 1 slow client + 1 for counters')
    const sums = await page.evaluate(() => ['published-rate', 'connections'].map(id => {
      const parts = document.getElementById(id.replace('-rate', '') + '-of').textContent.match(/\d+/g)
      return [Number(document.getElementById(id).textContent), parts.reduce((sum, part) => sum + Number(part), 0)]
    }))
    for (const [whole, parts] of sums) assert.equal(parts, whole)
    await page.click('.card:last-child .leave')
    await page.waitForFunction(() => / left by the client/.test(document.querySelector('#disconnects').textContent))
    assert.deepEqual(problems, [])
  })

  it('works in more tabs than the browser has connections for', async t => {
    const context = await browser.newContext()
    t.after(() => context.close())
    const pages = []
    for (let count = 0; count < 7; count++) {
      pages.push(await context.newPage())
      await pages.at(-1).goto(address)
      if (count < 4) await pages.at(-1).waitForSelector(count < 3 ? '.card:nth-child(4) .pill[data-state=open]' : '.card .pill[data-state=open]')
    }
    const last = pages.at(-1)
    await last.waitForFunction(() => document.querySelector('#server').textContent === 'live')
    assert.match(await last.textContent('.card .note'), /^The 15 connections that this browser has for cards are in use, in all of its tabs\. /)
    await last.click('#publish button')
    await last.waitForFunction(() => document.querySelector('#outcome').textContent.startsWith('Published'))
    if (!hasClient) await Promise.all(pages.slice(0, -1).map(page => page.close()))
    await whole(last, 4)
  })

  it('says without JavaScript that it needs it', async t => {
    const page = await browser.newPage({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } })
    t.after(() => page.close())
    await page.goto(address)
    assert.match(await page.innerText('noscript'), /This page needs JavaScript/)
    assert.equal(await page.isVisible('#server'), false)
    assert.equal(await page.isVisible('main'), false)
  })

  it('has room for the longest label of its chart and the longest text of its meter', async t => {
    const { page } = await open(t, { viewport: { width: 390, height: 844 } })
    const isInside = await page.evaluate(async () => {
      const { Chart } = await import('/chart.js')
      const canvas = document.createElement('canvas')
      canvas.style.cssText = 'display: block; width: 300px; height: 200px'
      document.body.append(canvas)
      const edges = []
      const { fillText } = CanvasRenderingContext2D.prototype
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        if (this.canvas === canvas && this.textAlign === 'left') edges.push(x + this.measureText(text).width)
        fillText.call(this, text, x, y)
      }
      new Chart(canvas).add(1, 4_000_000)
      while (edges.length < 20) await new Promise(requestAnimationFrame)
      return Math.max(...edges) <= 300
    })
    assert.equal(isInside, true)
    const lines = await page.evaluate(() => {
      const lag = document.querySelector('#lag')
      lag.textContent = '512 KiB of 512 KiB'
      return [...lag.getClientRects()].length
    })
    assert.equal(lines, 1)
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390)
  })

  it('ends by Ctrl-C without an error, with a page open, and the page says so', async t => {
    for (let round = 0; round < (hasWorkers ? 2 : 1); round++) {
      // In a group of its own: Ctrl-C reaches every process of it at once.
      const child = spawn(execPath, [program], { env: { ...process.env, PORT: '0' }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
      const exit = once(child, 'exit')
      let errors = ''
      child.stderr.on('data', data => (errors += data))
      const page = await browser.newPage()
      await page.goto(await addressOf(child))
      await whole(page, 4)
      process.kill(-child.pid, 'SIGINT')
      const ended = await exit
      assert.deepEqual([errors, ...ended], ['', 0, null])
      await page.click('#publish button')
      await page.waitForFunction(() => /^The server can’t be reached/.test(document.querySelector('#trouble').textContent))
      assert.match(await page.textContent('#outcome'), /^The server can’t be reached/)
      await page.close()
    }
  })

  it('fits a phone and a desktop, light and dark', async t => {
    const { page, problems } = await open(t)
    await page.click('.card:nth-child(2) .cut')
    await page.click('#publish button')
    await page.waitForFunction(() => /0 lost/.test(document.querySelector('.card:nth-child(2) .note').textContent))
    await page.waitForFunction(() => Number(document.querySelector('.card .received').textContent) > 100)
    for (const [width, height] of [[1440, 900], [390, 844]]) {
      for (const colorScheme of ['light', 'dark']) {
        await page.setViewportSize({ width, height })
        await page.emulateMedia({ colorScheme })
        await page.screenshot({ path: `${screenshots}demo-${language}-${width}-${colorScheme}.png`, fullPage: true })
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width)
      }
    }
    assert.deepEqual(problems, [])
  })
})

/** The address that the demo prints. */
async function addressOf(child) {
  for await (const line of createInterface(child.stdout)) {
    const [address] = /http:\S+/.exec(line) ?? []
    if (address) return address
  }
}
