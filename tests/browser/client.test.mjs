// The client in a page and in a worker: the scenarios of every language, and what only a page has.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { scenarios, startServer } from '../client/start.mjs'
import { readFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer } from 'node:http'

import { launch, problemsOf } from './support/browser.mjs'
import { sharedSite, tab } from './support/shared.mjs'
import { eventually } from './support/site.mjs'

// Chromium repeats a request by itself whose connection was dropped.
const EXCEPT = ['a connection that is dropped before the answer is made again']
const RUN = `
  import { EventSource } from '/npm/dist/esm/client/index.js'
  import { run } from '/tests/client/run.mjs'
  const scenarios = await (await fetch('/tests/client/scenarios.json')).json()
`

describe('the client in Chromium', { timeout: 120_000 }, () => {
  let browser
  before(async () => (browser = await launch()))
  after(() => browser?.close())

  for (const where of ['page', 'worker']) {
    it(`in a ${where}, does what every scenario says`, async t => {
      const ports = await startServer(t)
      const code = `${RUN} const result = run(EventSource, scenarios, ${JSON.stringify(ports)}, '${where}', ${JSON.stringify(EXCEPT)}).catch(error => error.message)
        result.then(result => globalThis.document ? (window.result = result) : postMessage(result))`
      const pages = { '/': '<!doctype html><link rel="icon" href="data:,">', '/run.mjs': code }
      const server = createServer(async (request, response) => {
        const body = pages[request.url] ?? (await readFile(new URL(`../..${request.url}`, import.meta.url)).catch(() => undefined))
        response.statusCode = body === undefined ? 404 : 200
        response.setHeader('Content-Type', /js$/.test(request.url) ? 'text/javascript' : request.url.endsWith('json') ? 'application/json' : 'text/html')
        response.end(body)
      })
      await once(server.listen(0, '127.0.0.1'), 'listening')
      t.after(() => server.close())
      const context = await browser.newContext({ ignoreHTTPSErrors: true })
      t.after(() => context.close())
      const page = await context.newPage()
      await page.goto(`http://127.0.0.1:${server.address().port}/`)
      await page.evaluate(where => {
        if (where === 'page') return void import('/run.mjs')
        const worker = new Worker('/run.mjs', { type: 'module' })
        worker.onmessage = ({ data }) => (window.result = data)
      }, where)
      await page.waitForFunction(() => window.result !== undefined, undefined, { timeout: 100_000 })
      assert.equal(await page.evaluate(() => window.result), scenarios.length - EXCEPT.length)
    })
  }

  it('takes a relative URL, an empty one too, and throws for one that is none', async t => {
    const { url } = await sharedSite(t)
    const page = await tab(browser, url)
    t.after(() => page.close())
    assert.deepEqual(await page.evaluate(() => [new EventSourceOfOurs('a?b'), new EventSourceOfOurs('')].map(source => (source.close(), source.url))), [`${url}a?b`, url])
    assert.deepEqual(await page.evaluate(() => {
      try {
        new EventSourceOfOurs('http://[invalid')
      } catch (error) {
        return [error instanceof DOMException, error.name]
      }
    }), [true, 'SyntaxError'])
  })

  it('asks for no stream again when the tab is hidden, shown, or told so many times', async t => {
    const { hub, sessions, url } = await sharedSite(t)
    const page = await tab(browser, url)
    t.after(() => page.close())
    await page.evaluate(() => window.listen({}))
    await page.evaluate(() => {
      for (let count = 0; count < 20; count++) for (const type of ['visibilitychange', 'resume']) document.dispatchEvent(new Event(type))
      for (let count = 0; count < 20; count++) for (const type of ['focus', 'blur', 'online', 'pageshow']) window.dispatchEvent(new Event(type))
    })
    hub.publish('numbers', 1)
    await page.waitForFunction(() => window.seen.length === 1)
    assert.deepEqual([sessions.length, hub.stats().connections], [1, 1])
  })

  it('has no connection while its page is put away, and has what it missed when the page is back', async t => {
    const { hub, sessions, url } = await sharedSite(t)
    const page = await tab(browser, url)
    t.after(() => page.close())
    for (const options of [{}, { shared: true }]) {
      const before = sessions.length
      await page.evaluate(options => window.listen(options), options)
      await eventually(() => sessions.length === before + 1 && hub.stats().connections === 1)
      hub.publish('numbers', 1)
      await page.waitForFunction(() => window.seen.length === 1)
      await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })))
      await eventually(() => hub.stats().connections === 0)
      hub.publish('numbers', 2)
      await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))
      await page.waitForFunction(() => window.seen.length === 2)
      assert.deepEqual(await page.evaluate(() => window.seen.map(([number]) => number)), [1, 2])
      await page.evaluate(() => window.source.close())
      await eventually(() => hub.stats().connections === 0)
    }
  })

  it('goes to another origin with cookies only where it is told to, and has the origin of its last redirect', async t => {
    const { url } = await sharedSite(t)
    const requests = []
    // Another origin of the same site, so that its cookie comes along.
    const other = createServer((request, response) => {
      requests.push([request.method, request.url, request.headers.cookie])
      if (request.url !== '/refused') response.setHeader('Access-Control-Allow-Origin', new URL(url).origin)
      response.setHeader('Access-Control-Allow-Credentials', 'true')
      response.setHeader('Access-Control-Allow-Headers', 'Last-Event-ID')
      if (request.method === 'OPTIONS') return response.end()
      if (request.url === '/set') return response.setHeader('Set-Cookie', 'who=me; Path=/').end()
      if (request.url === '/redirect') return response.writeHead(302, { Location: '/stream' }).end()
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('id: 1\ndata: one\n\n')
      if (requests.filter(([method, path]) => method === 'GET' && path === '/again').length === 1) response.end()
    })
    await once(other.listen(0, '127.0.0.1'), 'listening')
    t.after(() => (other.closeAllConnections(), other.close()))
    const origin = `http://127.0.0.1:${other.address().port}`
    const page = await tab(browser, url)
    t.after(() => page.close())
    await page.evaluate(origin => fetch(`${origin}/set`, { credentials: 'include' }), origin)
    const ask = (path, options) => page.evaluate(([url, options]) => new Promise(resolve => {
      const source = new EventSourceOfOurs(url, { retry: { first: 100 }, ...options })
      source.onmessage = event => (source.close(), resolve([event.data, event.origin, event.lastEventId]))
      source.onerror = event => (source.close(), resolve([event.cause]))
    }), [origin + path, options])
    for (const [path, options, cookie] of [['/stream', {}, undefined], ['/stream', { withCredentials: true }, 'who=me'], ['/redirect', { withCredentials: true }, 'who=me']]) {
      requests.length = 0
      assert.deepEqual(await ask(path, options), ['one', origin, '1'])
      for (const request of requests) assert.deepEqual(request, ['GET', request[1], cookie])
      assert.equal(requests.at(-1)[1], '/stream')
    }
    assert.deepEqual(await ask('/refused', { withCredentials: true }), ['network'])
    // The header is not one that a page may send without asking first.
    requests.length = 0
    await page.evaluate(url => new Promise(resolve => {
      const source = new EventSourceOfOurs(url, { retry: { first: 100 } })
      let count = 0
      source.onmessage = () => ++count === 2 && (source.close(), resolve())
    }), `${origin}/again`)
    assert.deepEqual(requests.map(([method]) => method), ['GET', 'OPTIONS', 'GET'])
  })

  it('reports what a handler throws to the page, and goes on', async t => {
    const { hub, url } = await sharedSite(t)
    const page = await tab(browser, url)
    t.after(() => page.close())
    const problems = problemsOf(page)
    await page.evaluate(async () => {
      await window.listen({})
      window.source.addEventListener('message', () => { throw new Error('on purpose') })
    })
    for (const number of [1, 2]) hub.publish('numbers', number)
    await page.waitForFunction(() => window.seen.length === 2)
    await eventually(() => problems.length === 2)
    assert.match(problems[0], /on purpose/)
  })
})
