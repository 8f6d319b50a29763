// Compiled, not run: the same package for a consumer that requires it.
import ssecast = require('ssecast')
import http = require('node:http')

const { createHub, sseMiddleware, encode, SsecastError } = ssecast
const hub: ssecast.Hub = createHub({ history: { events: 10 } })
const middleware: ssecast.Middleware = sseMiddleware(hub, { topics: ['ticks'] })
http.createServer(middleware).listen(0)
const published: ssecast.Published = hub.publish('ticks', { now: 1 }, { event: 'tick' })
const bytes: Uint8Array = encode({ data: published.id ?? 'none' })
const error: InstanceType<typeof SsecastError> = new SsecastError('SSECAST_CLOSED', 'hub', 'is closed')

// @ts-expect-error: a mistyped option
createHub({ retry: 1 })
