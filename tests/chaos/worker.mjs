// A process of the run, in Node: it publishes numbered events all the time, and serves the streams of some clients.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { createHub, sseMiddleware } from '../../npm/index.mjs'

const { STORE, NAME, TOPICS, PER_SECOND, OPTIONS } = process.env
const hub = createHub({ store: STORE, ...JSON.parse(OPTIONS) })
const stream = sseMiddleware(hub, { topics: request => new URL(request.url, 'http://host').searchParams.getAll('topic') })
const server = createServer((request, response) => stream(request, response))
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`))

const topics = TOPICS.split(',')
let n = 0

async function publish() {
  const mine = ++n
  console.log(`publishing ${mine}`)
  try {
    const { id } = await hub.publish(topics[mine % topics.length], { from: NAME, n: mine })
    console.log(`published ${mine} ${id}`)
  } catch (error) {
    console.log(`refused ${mine} ${error.code}`)
  }
}
const publishing = setInterval(publish, 1000 / PER_SECOND)

// Stops, after a last event of each topic, and says so; ends with its input.
const lines = createInterface(process.stdin)
lines.on('line', async () => {
  clearInterval(publishing)
  await Promise.all(topics.map(publish))
  console.log('stopped')
})
lines.on('close', () => process.exit())
