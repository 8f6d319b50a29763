// The parser in a page and in a worker, as modules from a server: no bundler, and nothing of Node.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { after, before, describe, it } from 'node:test'

import { launch, problemsOf } from './support/browser.mjs'

const RUN = `
  import * as parser from '/npm/dist/esm/parser/index.js'
  import * as alias from '/npm/dist/esm/eventsource-parser/index.js'
  import * as aliasStream from '/npm/dist/esm/eventsource-parser/stream.js'
  import { check } from '/tests/runtimes/checks.mjs'
  const json = async name => (await fetch('/tests/vectors/' + name + '.json')).json()
  const run = async () => check({ parser, alias, aliasStream, parse: await json('parse'), chunks: await json('chunks') })
  const result = run().catch(error => ({ failure: String(error) }))
`
const PAGES = {
  '/': '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>parser</title>',
  '/page.mjs': `${RUN} window.result = result`,
  '/worker.mjs': `${RUN} result.then(result => postMessage(result))`,
}

describe('in Chromium', { timeout: 120_000 }, () => {
  let browser, server, url
  before(async () => {
    browser = await launch()
    server = createServer(async (request, response) => {
      const page = PAGES[request.url]
      const body = page ?? (await readFile(new URL(`../..${request.url}`, import.meta.url)).catch(() => undefined))
      response.statusCode = body === undefined ? 404 : 200
      response.setHeader('Content-Type', /js$/.test(request.url) ? 'text/javascript' : request.url.endsWith('json') ? 'application/json' : 'text/html')
      response.end(body)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    url = `http://127.0.0.1:${server.address().port}/`
  })
  after(async () => {
    await browser?.close()
    server?.close()
  })

  for (const [where, run] of Object.entries({
    'a page': async () => {
      await import('/page.mjs')
      return window.result
    },
    'a worker': () => new Promise((resolve, reject) => {
      const worker = new Worker('/worker.mjs', { type: 'module' })
      worker.onmessage = ({ data }) => resolve(data)
      worker.onerror = ({ message }) => reject(new Error(message))
    }),
  })) {
    it(`${where} parses the vectors, and any stream however it is cut`, async t => {
      const page = await browser.newPage()
      t.after(() => page.close())
      const problems = problemsOf(page)
      await page.goto(url)
      const { failure, vectors, streams } = await page.evaluate(run)
      assert.equal(failure, undefined)
      assert.ok(vectors > 60 && streams === 3000)
      assert.deepEqual(problems, [])
    })
  }
})
