// Measures one client of Node: `node --expose-gc node.mjs <client> <port>` prints one line of JSON. A process for each, so that
// none has another's memory or another's compiled code.
import { createRequire } from 'node:module'

import { openMany, pace, saturate } from './measure.mjs'

const require = createRequire(import.meta.url)
const listen = EventSource => (url, { onEvent, onEnd }) => {
  const source = new EventSource(url)
  source.onmessage = ({ data }) => onEvent(data)
  source.addEventListener('end', onEnd)
  return () => source.close()
}
const clients = {
  'ssecast/client': () => require('../../../npm/dist/client').EventSource,
  eventsource: () => require('eventsource').EventSource,
  undici: () => require('undici').EventSource,
}
const [client, port] = process.argv.slice(2)
const open = listen(clients[client]())
const quick = process.env.QUICK !== undefined
const events = quick ? 20_000 : 100_000
const sources = quick ? 200 : 1000
const at = path => `http://127.0.0.1:${port}${path}`
const cpu = () => {
  const { user, system } = process.cpuUsage()
  return user + system
}

const result = { language: 'Node', client, sources }
for (const [name, piece] of [['one event', 213], ['16 KiB', 16 << 10]]) {
  // The first round compiles.
  await saturate(open, at(`/saturating?events=${events}&piece=${piece}`))
  const rounds = []
  for (let round = 0; round < 3; round++) {
    const before = cpu()
    const { count, wall } = await saturate(open, at(`/saturating?events=${events}&piece=${piece}`))
    rounds.push({ count, wall, cpu: (cpu() - before) / count })
  }
  if (rounds.some(({ count }) => count !== events)) throw new Error(`${client} lost events: ${JSON.stringify(rounds)}`)
  result[name] = { wall: Math.min(...rounds.map(({ wall }) => wall)), cpu: Math.min(...rounds.map(({ cpu }) => cpu)) }
}
const times = await pace(open, at(`/paced?events=${quick ? 1000 : 5000}&rate=1000`), () => Number(process.hrtime.bigint()) / 1000)
result.p50 = times[Math.floor(times.length / 2)]
result.p99 = times[Math.floor(times.length * 0.99)]

globalThis.gc()
const before = process.memoryUsage().rss
await openMany(open, at('/idle'), sources)
await new Promise(resolve => setTimeout(resolve, 500))
globalThis.gc()
globalThis.gc()
result.memory = (process.memoryUsage().rss - before) / sources
console.log(JSON.stringify(result))
process.exit()
