import { once } from 'node:events'
import { createServer } from 'node:http'
import { createHub, sseMiddleware } from '../../../npm/index.mjs'

const PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>EventSource</title>'

/** A site with an empty page at `/` and the topic `numbers` at `/stream`, on as many origins as asked for. */
export async function site(t, options = {}, { origins = 1 } = {}) {
  const hub = createHub({ retryMs: 100, ...options })
  const sessions = []
  const stream = sseMiddleware(hub, { topics: ['numbers'], cors: true, onConnect: session => void sessions.push(session) })
  const servers = []
  for (let count = 0; count < origins; count++) {
    const server = createServer((request, response) => {
      if (request.url === '/stream') return stream(request, response)
      response.setHeader('Content-Type', 'text/html')
      response.end(PAGE)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    servers.push(server)
  }
  t.after(async () => {
    await hub.close()
    for (const server of servers) server.close()
  })
  return { hub, sessions, urls: servers.map(server => `http://127.0.0.1:${server.address().port}`) }
}

/** Resolves when the condition holds; the test's time limit ends the wait for one that never does. */
export async function eventually(condition) {
  while (!condition()) await new Promise(setImmediate)
}

/** Opens a native EventSource in a page; what it sees is collected in `window.seen`. */
export async function listen(page, url, ...types) {
  await page.evaluate(
    ([url, types]) => {
      window.seen = []
      window.source = new EventSource(url)
      for (const type of ['message', 'reset', ...types]) {
        window.source.addEventListener(type, ({ data, lastEventId }) => window.seen.push({ type, data, lastEventId }))
      }
      return new Promise(resolve => window.source.addEventListener('open', resolve, { once: true }))
    },
    [url, types],
  )
}

/** What a page's EventSource saw, once there are that many. */
export async function seen(page, count) {
  await page.waitForFunction(count => window.seen.length >= count, count)
  return page.evaluate(() => window.seen)
}

export const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => String(from + index))
