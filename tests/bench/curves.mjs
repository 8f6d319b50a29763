// Measures fan-out against the number of clients and against the rate, and draws it: `node curves.mjs`, or `make bench-curves`.
// It writes curves.json and one SVG for each quantity to docs/public/bench. QUICK=1 has fewer points, and writes to results.
// What a point needs that the machine does not have (descriptors) is left out.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { View, parse } from 'vega'
import { compile } from 'vega-lite'
import { Rig, node, unfit } from './rig.mjs'

const quick = Boolean(process.env.QUICK)
const SERVERS = ['better-sse', 'res.write', 'ssecast pull', 'ssecast socket']
const COUNTS = quick ? [10, 200] : [10, 100, 500, 2000, 9000]
const RATE_CLIENTS = quick ? 200 : 1000
const RATES = quick ? [5, 50] : [1, 5, 20, 50, 100]
const MILLISECONDS = quick ? 500 : 1500
/** What every server keeps up with, with any number of clients. */
const PACED_DELIVERIES = 20_000
const BYTES = 150

const limit = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim().replace('unlimited', '1e9'))
const points = []

/** Measures one server with some clients, at each of some rates. */
async function measure(name, clients, rates) {
  const why = unfit(name, clients, limit)
  if (why) return console.error(`${name} with ${clients} clients: ${why}`)
  const rig = await Rig.start(node[name], clients)
  try {
    for (const [series, rate] of rates) {
      const row = await rig.run(BYTES, rate, MILLISECONDS)
      if (row.faults.length > 0) console.error(`${name}, ${clients} clients, ${rate}/s:`, row.faults)
      else points.push({ series, server: name, clients, rate, perSecond: row.perSecond, cpuUs: row.cpuUs, p50Ms: row.p50Ns / 1e6, p99Ms: row.p99Ns / 1e6 })
    }
  } finally {
    await rig.end()
  }
}

for (const name of SERVERS) {
  for (const clients of COUNTS) {
    const rate = Math.min(1000, PACED_DELIVERIES / clients)
    await measure(name, clients, [['saturating', 0], ['paced', rate]]).catch(error => console.error(`${name}, ${clients} clients: ${error.message}`))
  }
  await measure(name, RATE_CLIENTS, RATES.map(rate => ['rate', rate])).catch(error => console.error(`${name}: ${error.message}`))
}

const log = { scale: { type: 'log' } }
const clients = { field: 'clients', type: 'quantitative', title: 'clients', ...log }
const rate = { field: 'rate', type: 'quantitative', title: `events/s, ${RATE_CLIENTS} clients`, ...log }
const quantity = (field, title) => ({ field, type: 'quantitative', title, ...log })
const figures = {
  deliveries: ['saturating', clients, quantity('perSecond', 'deliveries/s, as fast as it goes')],
  cpu: ['saturating', clients, quantity('cpuUs', 'CPU µs per delivery, as fast as it goes')],
  'latency-p50': ['paced', clients, quantity('p50Ms', 'latency p50, ms, at a pace')],
  'latency-p99': ['paced', clients, quantity('p99Ms', 'latency p99, ms, at a pace')],
  'rate-cpu': ['rate', rate, quantity('cpuUs', 'CPU µs per delivery')],
  'rate-deliveries': ['rate', rate, quantity('perSecond', 'deliveries/s')],
  'rate-latency-p50': ['rate', rate, quantity('p50Ms', 'latency p50, ms')],
  'rate-latency-p99': ['rate', rate, quantity('p99Ms', 'latency p99, ms')],
}

const folder = new URL(quick ? 'results/curves/' : '../../docs/public/bench/', import.meta.url)
mkdirSync(folder, { recursive: true })
writeFileSync(new URL('curves.json', folder), `${JSON.stringify(points, null, 1)}\n`)
for (const [name, [series, x, y]] of Object.entries(figures)) {
  const specification = {
    width: 420,
    height: 260,
    background: 'white',
    data: { values: points.filter(point => point.series === series) },
    mark: { type: 'line', point: true },
    encoding: { x, y, color: { field: 'server', type: 'nominal', sort: SERVERS, title: null } },
  }
  const view = new View(parse(compile(specification).spec), { renderer: 'none' })
  writeFileSync(new URL(`${name}.svg`, folder), await view.toSVG())
}
console.log(`${points.length} points; the pictures are in ${folder.pathname}`)
process.exit()
