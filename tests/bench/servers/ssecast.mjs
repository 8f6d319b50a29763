// `ssecast.mjs auto`, `ssecast.mjs pull`, `ssecast.mjs release`; with `limited` behind it, slow clients are given up
// as they are by default. THREADS gives it so many engine threads of its own.

import { createHub, sseMiddleware } from '../../../npm/index.mjs'
import { AHEAD, serve } from './server.mjs'

/** What may wait for a client before the hub gives it up: more than while the system's buffers are uneven. */
const LIMIT = 32 << 20

const [way, limited] = process.argv.slice(2)
const hub = createHub({
  delivery: way === 'pull' ? 'pull' : 'auto',
  slowClient: limited ? {} : { bytes: LIMIT },
  ...(process.env.THREADS && { threads: Number(process.env.THREADS) }),
})
const middleware = sseMiddleware(hub, {
  topics: ['bench'],
  release: way === 'release',
  onConnect(session) {
    const expected = way === 'pull' ? 'pull' : 'socket'
    if (session.delivery !== expected) throw new Error(`delivery is ${session.delivery}, not ${expected}`)
  },
})

let published = 0
let clients = 0
/** The hub's counters when they were last read: reading them costs more than publishing. */
let known = { published: 0, waiting: 0 }

serve({
  listener: middleware,
  publish(data) {
    hub.publish('bench', data)
    published++
  },
  count: () => hub.stats().connections,
  waiting(bytes) {
    const atMost = () => known.waiting + (published - known.published) * bytes
    if (atMost() > AHEAD * bytes || published === known.published) {
      const { connections, delivered, lagBytes } = hub.stats()
      // One that is given up shows as a fault; it is not to count as one that has everything.
      clients = Math.max(1, clients, connections)
      const behind = (published - delivered / clients) * bytes
      // The slowest connection may be behind all others; what waits for it is from up to 250 ms ago.
      const isFarBehind = bytes === 0 || (behind > 0 && lagBytes > LIMIT / 4)
      known = { published, waiting: isFarBehind ? Math.max(behind, lagBytes) : behind }
    }
    return atMost()
  },
})
