// What people write by hand, at its best: the event is encoded once, and the same buffer goes to each response.

import { longestQueue, serve } from './server.mjs'

const clients = new Set()

serve({
  listener(request, response) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
    response.flushHeaders()
    clients.add(response)
    response.on('close', () => clients.delete(response))
  },
  publish(data) {
    const event = Buffer.from(`data: ${data}\n\n`)
    for (const client of clients) client.write(event)
  },
  count: () => clients.size,
  waiting: () => longestQueue(clients),
})
