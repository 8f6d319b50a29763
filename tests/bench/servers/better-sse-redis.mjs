// `better-sse-redis.mjs redis`: what is done today. Each process subscribes to a channel of Redis, and broadcasts what comes.

import { createChannel, createSession } from 'better-sse'
import { createClient } from 'redis'
import { longestQueue } from './server.mjs'
import { run } from './workers.mjs'

run({
  async publisher(url) {
    const redis = await createClient({ url }).connect()
    return data => redis.publish('bench', data)
  },
  server(url) {
    const redis = createClient({ url })
    const channel = createChannel()
    const responses = new Set()
    let events = 0
    const take = data => {
      events++
      channel.broadcast(data)
    }
    redis.connect().then(() => redis.subscribe('bench', take))
    return {
      async listener(request, response) {
        channel.register(await createSession(request, response))
        responses.add(response)
        response.on('close', () => responses.delete(response))
      },
      report: () => ({ clients: channel.sessionCount, events, waiting: longestQueue(responses) }),
    }
  },
})
