// A program to be ended and started anew on the same port: says an event for each number that its parent says.
import { createServer } from 'node:http'
import { createHub, sseMiddleware } from '../../../npm/index.mjs'

const hub = createHub({ retryMs: 100 })
const stream = sseMiddleware(hub, { topics: ['numbers'], cors: true })
const server = createServer(stream).listen(Number(process.env.PORT), '127.0.0.1', () => process.send(server.address().port))
process.on('message', number => hub.publish('numbers', number))
