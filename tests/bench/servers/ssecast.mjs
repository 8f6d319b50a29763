// `ssecast.mjs auto`, `ssecast.mjs pull`, `ssecast.mjs release`.

import { createHub, sseMiddleware } from '../../../npm/index.mjs'
import { AHEAD, serve } from './server.mjs'

/** A quarter of what may wait for a client before the hub gives it up. */
const MUCH = 256 << 10

const [way] = process.argv.slice(2)
const hub = createHub({ delivery: way === 'pull' ? 'pull' : 'auto' })
const middleware = sseMiddleware(hub, {
  topics: ['bench'],
  release: way === 'release',
  onConnect(session) {
    const expected = way === 'pull' ? 'pull' : 'socket'
    if (session.delivery !== expected) throw new Error(`delivery is ${session.delivery}, not ${expected}`)
  },
})

let published = 0
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
      const behind = (published - delivered / Math.max(1, connections)) * bytes
      // The slowest connection may be behind all others; what waits for it is from up to 250 ms ago.
      known = { published, waiting: behind > 0 ? Math.max(behind, lagBytes > MUCH ? lagBytes : 0) : 0 }
    }
    return atMost()
  },
})
