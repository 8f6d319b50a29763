// Rounds of clients that come, get events and go; prints the memory in use before and after.
import http from 'node:http'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { createHub, sseMiddleware } from 'ssecast'

const CLIENTS = 200
const EVENTS = 25

const hub = createHub({ delivery: process.argv[2], history: { events: 10 } })
const server = http.createServer(sseMiddleware(hub, { topics: ['news'], onConnect: session => void session.send('hello') }))
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))

/** A client that leaves once it has the last event of the round. */
function client(last) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.address().port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    let tail = ''
    socket.on('data', data => {
      tail = (tail + data).slice(-100)
      if (tail.includes(last)) socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', resolve)
  })
}

async function round(number) {
  const last = `last of ${number};`
  const clients = Array.from({ length: CLIENTS }, () => client(last))
  while (hub.stats().connections < CLIENTS) await delay(1)
  for (let n = 0; n < EVENTS; n++) hub.publish('news', 'x'.repeat(500))
  hub.publish('news', last)
  await Promise.all(clients)
  while (hub.stats().connections > 0) await delay(1)
}

/** The least memory in use after each of some batches of rounds: what is there more is only waiting to be freed. */
async function measure(batches) {
  let least = Infinity
  for (let batch = 0; batch < batches; batch++) {
    for (let n = 0; n < 8; n++) await round(rounds++)
    globalThis.gc()
    // Without the room that the garbage collector keeps for later, which comes and goes.
    const { rss, heapTotal, heapUsed } = process.memoryUsage()
    least = Math.min(least, rss - heapTotal + heapUsed)
  }
  return least
}

let rounds = 0
const before = await measure(3)
await measure(5)
console.log(JSON.stringify({ before, after: await measure(3) }))
process.exit()
