// A server in a worker, which publishes without end.
import http from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

import { createHub, sseMiddleware } from 'ssecast'

const hub = createHub(workerData)
const server = http.createServer(sseMiddleware(hub, { topics: ['t'] }))
setInterval(() => hub.publish('t', 'x'), 1)
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
