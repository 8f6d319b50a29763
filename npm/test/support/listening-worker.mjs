// A hub that listens in a worker, and publishes without end.
import { parentPort } from 'node:worker_threads'

import { createHub } from 'ssecast'

const hub = createHub()
const topics = ({ path }) => (path === '/never' ? new Promise(() => {}) : ['t'])
const { port } = await hub.listen({ topics })
setInterval(() => hub.publish('t', 'x'), 1)
parentPort.postMessage(port)
