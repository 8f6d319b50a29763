import { createChannel, createSession } from 'better-sse'
import { longestQueue, serve } from './server.mjs'

const channel = createChannel()
const responses = new Set()

serve({
  async listener(request, response) {
    channel.register(await createSession(request, response))
    responses.add(response)
    response.on('close', () => responses.delete(response))
  },
  publish: data => channel.broadcast(data),
  count: () => channel.sessionCount,
  waiting: () => longestQueue(responses),
})
