// The demo: one Express app and one hub. `make demo` starts it; PORT chooses the page's port.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { createHub, sseMiddleware } from 'ssecast'
import { SlowClient } from './slow-client.mjs'

// Smaller than the defaults, so that a slow client is past them while you watch.
const options = {
  history: { events: 20_000, bytes: 32 << 20, ms: 20_000 },
  slowClient: { bytes: 512 << 10, ms: 30_000, policy: 'disconnect' },
  retryMs: 1_500,
}
const hub = createHub(options)
const sessions = new Map()
const app = express()

app.use(express.static(fileURLToPath(new URL('../../../examples/demo-page', import.meta.url))), express.json())
// ssecast/client, for the page.
app.use('/ssecast', express.static(fileURLToPath(new URL('dist/esm', import.meta.resolve('ssecast/client')))))

app.get(
  '/stream',
  sseMiddleware(hub, {
    topics: request => request.query.topics.split(','),
    cors: true,
    onConnect(session) {
      const { client } = session.request.query
      sessions.set(client, session)
      session.closed.then(() => sessions.get(client) === session && sessions.delete(client))
    },
  }),
)

app.post('/publish', (request, response) => {
  const { topic, data, event } = request.body
  response.json(hub.publish(topic, data, { event }))
})

app.post('/clients/:client/cut', (request, response) => {
  sessions.get(request.params.client)?.close()
  response.sendStatus(204)
})

app.post('/rate', (request, response) => {
  rate = Math.min(Math.max(Number(request.body.rate) || 1, 1), 500)
  response.sendStatus(204)
})

app.post('/slow/stall', (request, response) => response.json(slow.stall()))
app.post('/slow/read', (request, response) => response.json(slow.read()))

app.get('/settings', (request, response) => {
  const streamPorts = servers.slice(1).map(server => server.address().port)
  response.json({ host: 'Express', ...options, streamPorts, client: '/ssecast/client/index.js' })
})

// A publication that is refused says which field is wrong, and why.
app.use((error, request, response, next) => {
  if (!error.code?.startsWith('SSECAST_')) return next(error)
  response.status(400).json({ code: error.code, field: error.field, message: error.message })
})

// A browser opens six HTTP/1.1 connections to one origin, and each port is an origin: more ports, more clients.
const port = Number(process.env.PORT ?? 3000)
const servers = await Promise.all([0, 1, 2, 3].map(more => listen(port && port + more)))
const address = `http://127.0.0.1:${servers[0].address().port}`
console.log(`ssecast demo: ${address}`)

// What the clients read, as long as a page is open: ticks, large blocks for the slow client, and the counters.
const slow = new SlowClient(`${address}/stream?client=slow&topics=blocks`)
const counts = { ticks: 0, blocks: 0 }
let rate = 20
let due = 0
let tickedAt = performance.now()

// By the clock: on a busy machine timers are late.
every(50, () => {
  const now = performance.now()
  for (due += (rate * Math.min(now - tickedAt, 500)) / 1000; due >= 1; due--) publish('ticks', 'tick')
  tickedAt = now
})
every(100, () => {
  slow.open()
  // Fills the buffers of the system fast; from then on the lag grows slowly enough to watch.
  const kilobytes = hub.stats().lagBytes > 0 ? 16 : 96
  publish('blocks', 'block', { filling: 'x'.repeat(kilobytes << 10) })
})
every(250, () => hub.publish('stats', { ...hub.stats(), at: Date.now(), rate, slow: slow.report() }, { event: 'stats' }))

/** Publishes the next event of a numbered series: the numbers let a client prove that it has every one. */
function publish(topic, event, more) {
  hub.publish(topic, { n: ++counts[topic], at: Date.now(), ...more }, { event })
}

function every(ms, work) {
  setInterval(() => {
    const watched = sessions.size > (sessions.has('slow') ? 1 : 0)
    if (watched) work()
    else slow.close()
  }, ms).unref()
}

/** Listens on the port, or on any free one if it is taken. */
function listen(port) {
  return new Promise((resolve, reject) => {
    const server = createServer(app)
    server.once('listening', () => resolve(server))
    server.once('error', error => {
      if (error.code !== 'EADDRINUSE') return reject(error)
      console.log(`port ${port} is taken; using a free one`)
      server.listen(0, '127.0.0.1')
    })
    server.listen(port, '127.0.0.1')
  })
}

// Accepts nothing more and ends every stream, after what was published before: then the process exits by itself.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    servers.forEach(server => server.close())
    slow.close()
    hub.close()
  })
}
