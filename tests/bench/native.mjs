// Measures fan-out of the native bindings beside what people use in their languages: `node native.mjs SERVERS`, where SERVERS is a folder
// with what `make bench-native` has built. CLIENTS (commas between) chooses how many, and QUICK=1 takes a second for each.

import { existsSync } from 'node:fs'
import { fanOut, modes } from './fanout.mjs'
import { Process } from './process.mjs'
import { ms, number, table } from './table.mjs'

const servers = process.argv[2]
const counts = (process.env.CLIENTS ?? '1000').split(',').map(Number)
const milliseconds = process.env.QUICK ? 1000 : 3000
const go = name => () => new Process(`${servers}/go`, name)
const java = name => () =>
  new Process('java', `-Djna.library.path=${servers}/lib`, '-cp', `${servers}/java/classes:${servers}/java/dependency/*`, 'Bench', name)

/** Which are measured side by side; the first is the one that the others are compared with. */
const groups = {
  Go: { ssecast: go('ssecast'), 'r3labs/sse': go('r3labs/sse'), 'tmaxmax/go-sse': go('tmaxmax/go-sse') },
  Java: existsSync(`${servers}/java/classes`) && {
    'ssecast listener': java('listener'),
    'ssecast in WebFlux': java('webflux'),
    'ssecast in Spring MVC': java('mvc'),
    SseEmitter: java('emitter'),
  },
}

for (const [language, group] of Object.entries(groups)) {
  if (!group) continue
  for (const clients of counts) {
    const rows = []
    for (const [name, make] of Object.entries(group)) {
      console.error(`${language}: ${name}, ${number(clients)} clients`)
      try {
        rows.push(...(await fanOut(name, make, clients, modes(20_000).filter(({ bytes }) => bytes === 150), milliseconds)))
      } catch (error) {
        console.error(`${name}: ${error.message}`)
      }
    }
    for (const mode of new Set(rows.map(row => row.mode))) {
      const [first, ...others] = rows.filter(row => row.mode === mode)
      const ratio = row => number(first.perSecond / row.perSecond)
      console.log(`\n${language}, ${number(clients)} clients, ${mode}\n`)
      console.log(
        table([first, ...others], {
          server: row => row.server,
          'deliveries/s': row => number(row.perSecond),
          [`${first.server} ×`]: ratio,
          'CPU/delivery µs': row => number(row.cpuUs),
          'publish() mean ms': row => ms(row.blockedMeanNs),
          'latency p99 ms': row => ms(row.p99Ns),
          'RSS/connection KiB': row => number(row.perConnection / 1024),
          faults: row => row.faults.map(([fault, count]) => `${number(count)} ${fault}`).join(', ') || 'none',
        }),
      )
    }
  }
}
