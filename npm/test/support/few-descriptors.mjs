// A server that publishes when it is told to, and then tries to open a file.
import { closeSync, openSync } from 'node:fs'
import http from 'node:http'

import { createHub, sseMiddleware } from 'ssecast'

const hub = createHub()
const deliveries = { socket: 0, pull: 0 }
const onConnect = session => deliveries[session.delivery]++
const server = http.createServer(sseMiddleware(hub, { topics: ['t'], onConnect }))

process.on('message', () => {
  let file = 'opened'
  try {
    closeSync(openSync('/dev/null'))
  } catch (error) {
    file = error.code
  }
  process.send({ ...hub.publish('t', 'x'), deliveries, file })
})
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}/` }))
