// A server that publishes as much as it is told to, and tells how much memory it has.
import http from 'node:http'

import { createHub, sseMiddleware } from 'ssecast'

const [, , delivery] = process.argv
const hub = createHub({
  delivery,
  history: { events: 10 },
  slowClient: { bytes: 1 << 20, ms: 600_000, policy: 'skip' },
  maxBacklogBytes: 1 << 20
})
const turn = () => new Promise(resolve => setImmediate(resolve))
const server = http.createServer(sseMiddleware(hub, { topics: ['t'] }))

process.on('message', async ({ events, bytes }) => {
  const data = 'x'.repeat(bytes)
  for (let n = 0; n < events; n++) {
    // The engine has a turn whenever so much waits that nothing more is taken.
    while (hub.stats().backlogBytes > 1 << 19) await turn()
    hub.publish('t', data)
    if (n % 10 === 0) await turn()
  }
  report({ stats: hub.stats() })
})
server.listen(0, '127.0.0.1', () => report({ url: `http://127.0.0.1:${server.address().port}/` }))

function report(more) {
  global.gc()
  process.send({ rss: process.memoryUsage().rss, ...more })
}
