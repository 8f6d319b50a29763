// Tabs that share one connection, in front of a hub.
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'

import { createHub, sseMiddleware } from '../../../npm/index.mjs'

const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>shared</title><script type="module">
  import { EventSource } from '/npm/dist/esm/client/index.js'
  window.EventSourceOfOurs = EventSource
  window.listen = (options, url = '/stream') => {
    const own = { seen: [], log: [] }
    own.source = new EventSource(url, { retry: { first: 100, longest: 500 }, ...options })
    own.source.onopen = () => own.log.push('open')
    own.source.onmessage = ({ data, lastEventId }) => own.seen.push([Number(data), lastEventId])
    own.source.addEventListener('reset', () => own.log.push('reset'))
    own.source.onerror = ({ cause, retryIn }) => own.log.push(cause, ...(retryIn === undefined ? ['closed'] : []))
    Object.assign(window, own)
    return new Promise(resolve => own.source.addEventListener('open', () => resolve(), { once: true }))
  }
  window.ready = true
</script>`

/** A site whose `/stream` is the topic `numbers`, over HTTP/1.1. */
export async function sharedSite(t, options = {}) {
  const hub = createHub({ retryMs: 100, history: { events: 100_000 }, ...options })
  const sessions = []
  const stream = sseMiddleware(hub, { topics: ['numbers'], onConnect: session => void sessions.push(session) })
  const server = createServer(async (request, response) => {
    if (request.url.startsWith('/stream')) return stream(request, response)
    const isPage = !request.url.startsWith('/npm/')
    const body = isPage ? PAGE : await readFile(new URL(`../../..${request.url}`, import.meta.url)).catch(() => undefined)
    response.statusCode = body === undefined ? 404 : 200
    response.setHeader('Content-Type', isPage ? 'text/html' : 'text/javascript')
    response.end(body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(async () => {
    await hub.close()
    server.closeAllConnections()
    server.close()
  })
  return { hub, sessions, url: `http://127.0.0.1:${server.address().port}/` }
}

/** A tab that shows the site. */
export async function tab(context, url) {
  const page = await context.newPage()
  await page.goto(url)
  await page.waitForFunction(() => window.ready)
  return page
}
