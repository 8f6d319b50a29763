import { Hono } from 'hono'
import { createHub } from 'ssecast'
import { sse } from 'ssecast/hono'

const app = new Hono()
app.get('/stream/:room', sse(createHub(), { topics: c => [c.req.param('room')!] }))
// @ts-expect-error Node's sockets are not this host's.
app.get('/wrong', sse(createHub(), { topics: ['ticks'], release: true }))
