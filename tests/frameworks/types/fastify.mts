import Fastify from 'fastify'
import { createHub, type Session } from 'ssecast'
import { fastifySse } from 'ssecast/fastify'

const app = Fastify()
await app.register(fastifySse, { hub: createHub() })
app.get('/stream', (request, reply) => reply.sse({ topics: ['ticks'] }))
app.get('/mine', async (request, reply) => {
  const session: Session | undefined = await reply.sse()
  session?.send('hello')
})
// @ts-expect-error There is no such option.
app.get('/wrong', (request, reply) => reply.sse({ topic: 'ticks' }))
