// What a paced `publish()` costs the loop that has slept: `node --expose-gc wake.mjs`. One line of JSON for each number of clients,
// in µs at the median, beside a JSON.stringify of the same text, which the same sleep has made as cold. ROUNDS (100) says how often.

import { setTimeout as sleep } from 'node:timers/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { createHub, sseMiddleware } from '../../npm/index.mjs'
import { Process } from './process.mjs'

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('load/target', import.meta.url))
const ROUNDS = Number(process.env.ROUNDS ?? 100)
/** 20 events a second. */
const PAUSE = 50
const data = 'x'.repeat(150)

/** Microseconds that a call takes. */
function timed(call) {
  const start = process.hrtime.bigint()
  call()
  return Number(process.hrtime.bigint() - start) / 1000
}

const median = values => values.sort((one, other) => one - other)[values.length >> 1]

for (const clients of [0, 1, 2000]) {
  const hub = createHub()
  const middleware = sseMiddleware(hub, { topics: ['bench'] })
  const server = createServer((request, response) => middleware(request, response)).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const load = clients > 0 ? new Process(`${target}/release/load`, server.address().port, clients) : undefined
  await load?.answer(60_000)
  while (hub.stats().connections < clients) await sleep(10)
  // What is compiled when it is hot is hot then.
  for (let index = 0; index < 20_000; index++) hub.publish('unread', data)
  await sleep(500)
  const published = []
  const stringified = []
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(PAUSE)
    // They take turns in being the first thing that the loop does.
    const calls = [() => published.push(timed(() => hub.publish('bench', data))), () => stringified.push(timed(() => JSON.stringify({ data })))]
    calls[round % 2]()
  }
  console.log(JSON.stringify({ clients, publish: median(published), stringify: median(stringified) }))
  await load?.end()
  hub.close()
  server.close()
}
process.exit()
