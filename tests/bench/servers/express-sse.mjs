import SSE from 'express-sse'
import { longestQueue, serve } from './server.mjs'

const sse = new SSE()
const responses = new Set()

serve({
  listener(request, response) {
    sse.init(request, response)
    responses.add(response)
    response.on('close', () => responses.delete(response))
  },
  publish: data => sse.send(data),
  count: () => responses.size,
  waiting: () => longestQueue(responses),
})
