// `store.mjs file`, `store.mjs redis`: hubs that share a store.

import { createHub, sseMiddleware } from '../../../npm/index.mjs'
import { run } from './workers.mjs'

const make = store => createHub({ store, slowClient: { bytes: 32 << 20 } })

run({
  publisher(url) {
    const hub = make(url)
    return data => hub.publish('bench', data)
  },
  server(url) {
    const hub = make(url)
    return {
      listener: sseMiddleware(hub, { topics: ['bench'] }),
      report() {
        const { connections, delivered, lagBytes } = hub.stats()
        return { clients: connections, events: delivered / Math.max(connections, 1), waiting: lagBytes }
      },
    }
  },
})
