// Publishes one event to the store that it is told of, and ends by itself.
import { createHub } from 'ssecast'

const hub = createHub({ store: process.env.STORE })
process.send(await hub.publish('t', 'from the child'))
process.disconnect()
