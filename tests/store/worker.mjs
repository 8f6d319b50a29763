// A worker in JavaScript, as worker.c is one in C.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const { createHub, sseMiddleware } = createRequire(new URL('../../npm/', import.meta.url))('ssecast')

const hub = createHub({ store: process.argv[2] })
const live = sseMiddleware(hub, { topics: ['news'] })
const all = sseMiddleware(hub, { topics: ['news'], replay: 'all' })
const server = createServer((request, response) => (request.url === '/all' ? all : live)(request, response))
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`))
for await (const line of createInterface({ input: process.stdin })) {
  if (line === '!end') {
    await hub.endTopic('news')
    console.log('ended')
  } else {
    const { id } = await hub.publish('news', line, { event: 'said' })
    console.log(id)
  }
}
await hub.close()
server.close()
