// An Express server in several workers behind one port, whose hub is in a store. A worker that dies is replaced.
import cluster from 'node:cluster'

import express from 'express'
import { createHub, sseMiddleware } from 'ssecast'

if (cluster.isPrimary) {
  const count = Number(process.env.WORKERS)
  let [listening, isStopping] = [0, false]
  const workers = () => Object.values(cluster.workers)
  cluster.on('listening', (_, { port }) => ++listening === count && process.send({ port }))
  cluster.on('exit', () => isStopping || cluster.fork())
  for (let n = 0; n < count; n++) cluster.fork()
  const stop = () => {
    isStopping = true
    for (const { process } of workers()) process.kill('SIGKILL')
    process.exit()
  }
  process.on('disconnect', stop)
  process.on('message', text => {
    if (text === 'stop') stop()
    else workers()[Math.floor(Math.random() * workers().length)]?.process.kill('SIGKILL')
  })
} else {
  const hub = createHub({ store: process.env.STORE, history: { events: 100_000 } })
  const app = express()
  app.get('/stream', sseMiddleware(hub, { topics: ['t'] }))
  app.post('/publish', async (request, response) => response.json({ ...(await hub.publish('t', request.query.n)), worker: process.pid }))
  app.listen(Number(process.env.PORT), '127.0.0.1')
}
