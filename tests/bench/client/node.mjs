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

const heap = () => process.memoryUsage().heapUsed + process.memoryUsage().external

const result = { language: 'Node', client, sources }
const url = at(`/saturating?events=${events}&piece=${16 << 10}`)
// The first round compiles.
await saturate(open, url)
const rounds = []
for (let round = 0; round < 5; round++) {
  const before = cpu()
  const { count, wall } = await saturate(open, url)
  rounds.push({ count, wall, cpu: (cpu() - before) / count })
}
if (rounds.some(({ count }) => count !== events)) throw new Error(`${client} lost events: ${JSON.stringify(rounds)}`)
result.wall = Math.min(...rounds.map(({ wall }) => wall))
result.cpu = Math.min(...rounds.map(({ cpu }) => cpu))
const paced = quick ? 1000 : 5000
const idle = cpu()
const times = await pace(open, at(`/paced?events=${paced}&rate=1000`), data => Number(process.hrtime.bigint() - BigInt(data.split(' ')[0])) / 1000)
result.alone = (cpu() - idle) / paced
result.p50 = times[Math.floor(times.length / 2)]
result.p99 = times[Math.floor(times.length * 0.99)]

globalThis.gc()
const before = heap()
await openMany(open, at('/idle'), sources)
await new Promise(resolve => setTimeout(resolve, 500))
globalThis.gc()
globalThis.gc()
result.memory = (heap() - before) / sources
console.log(JSON.stringify(result))
process.exit()
