import { H3 } from 'h3'
import { createHub } from 'ssecast'
import { sse } from 'ssecast/h3'

new H3().get('/stream', sse(createHub(), { topics: event => [new URL(event.req.url).pathname] }))
