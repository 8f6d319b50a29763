// One of the demo's servers: an Express app, whose hub shares its log with those of the other processes.
import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { createHub, sseMiddleware } from 'ssecast'
import { options, own } from './options.mjs'

const number = Number(process.env.WORKER)
const hub = createHub({ ...options, store: process.env.STORE })
const sessions = new Map()
/** The connections that are not the cards', by what they are for. */
const open = { slow: 0, counters: 0 }
const servers = []
let reports
const app = express()

// More than an event may have, so that it is the hub that refuses it, in its own words.
app.use(express.static(fileURLToPath(new URL('../../../examples/demo-page', import.meta.url))), express.json({ limit: '2mb' }))
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
      if (client in open) open[client]++
      session.closed.then(() => {
        if (client in open) open[client]--
        if (sessions.get(client) === session) sessions.delete(client)
      })
      session.send({ number, pid: process.pid }, { event: 'worker' })
    },
  }),
)

app.post('/publish', async (request, response) => {
  const { topic, data, event } = request.body
  const refuse = (field, message) => response.status(400).json({ field, message })
  if (own.topics.includes(topic)) return refuse('topic', `The topic ${topic} is the demo's own: its numbers are the proof. Take another, such as board.`)
  if (own.types.includes(event)) return refuse('event', `The event type ${event} is the demo's own. Take another, such as notice.`)
  response.json({ ...(await hub.publish(topic, data, { event })), worker: number })
})

// What any of the processes may have to do: the first one sees to it.
app.post('/clients/:client/cut', (request, response) => ask(response, { cut: request.params.client }))
app.post('/workers/:number/kill', (request, response) => ask(response, { kill: Number(request.params.number) }))
app.post('/rate', (request, response) => ask(response, { rate: Number(request.body.rate) }))
app.post('/slow/stall', (request, response) => ask(response, { slow: 'stall' }))
app.post('/slow/read', (request, response) => ask(response, { slow: 'read' }))

app.get('/settings', (request, response) => {
  const streamPorts = servers.slice(1).map(server => server.address().port)
  response.json({ host: 'Express', ...options, own, streamPorts, client: '/ssecast/client/index.js' })
})

// A publication that is refused says which field is wrong, and why; so does a body that is larger than any event may be.
app.use((error, request, response, next) => {
  const { code, field, message } = error
  if (code?.startsWith('SSECAST_')) return response.status(400).json({ code, field, message })
  if (error.expose) return response.status(error.status).json({ message: `The server refused the request: ${message}.` })
  next(error)
})

// Accepts nothing more and ends every stream, after what was published before: then the process exits by itself. The first
// process says when, and Ctrl-C reaches all of them at once: perhaps before this one listens.
let stopping = false
function stop() {
  if (stopping) return
  stopping = true
  clearInterval(reports)
  servers.forEach(server => server.close())
  hub.close()
  if (reports) cluster.worker.disconnect()
  else process.exit()
}
process.on('message', message => sessions.get(message.cut)?.close())
process.on('disconnect', stop)
// The first process may be gone already, when it is told something.
cluster.worker.on('error', () => {})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop)

// A browser opens six HTTP/1.1 connections to one origin, and each port is an origin: more ports, more clients.
const port = Number(process.env.PORT ?? 3000)
// One after the other: every worker has the same ports, also where they are just any that are free.
for (const more of [0, 1, 2, 3]) servers.push(await listen(port && port + more))
process.send({ address: `http://127.0.0.1:${servers[0].address().port}` })

reports = setInterval(() => process.send({ stats: { ...hub.stats(), open } }), 100)

function ask(response, message) {
  process.send(message)
  response.sendStatus(204)
}

/** Listens on the port, or on any free one if it is taken. */
function listen(port) {
  return new Promise((resolve, reject) => {
    const server = createServer(app)
    server.once('listening', () => resolve(server))
    server.once('error', error => {
      if (error.code !== 'EADDRINUSE') return reject(error)
      if (number === 1) console.log(`port ${port} is taken; using a free one`)
      server.listen(0, '127.0.0.1')
    })
    server.listen(port, '127.0.0.1')
  })
}
