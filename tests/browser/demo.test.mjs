import assert from 'node:assert/strict'
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
  node: { program: path('npm/examples/demo/server.mjs'), execPath: process.execPath, host: 'Express', isShared: true, hasWorkers: true },
  python: { program: path('python/examples/demo/server.py'), execPath: path('python/.venv/bin/python'), host: 'FastAPI' },
}

for (const [language, { program, execPath, host, isShared, hasWorkers }] of Object.entries(demos)) describe(`the demo in ${language}`, { timeout: 80_000 }, () => {
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

  if (isShared) it('shares the connection for its counters with the other pages of the browser, and keeps it when one is closed', async t => {
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
    await page.click('#stall')
    await step('stalled', 'at \\d\\d:\\d\\d:\\d\\d')
    await step('lagging', 'up to [1-9].* KiB')
    await step('ended', 'reason: lagged')
    assert.match(await page.textContent('#disconnects'), /lagged 1/)
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
