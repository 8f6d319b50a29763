// Measures fan-out: `node run.mjs`, or `node run.mjs quick`. STALL_SECONDS makes the stall longer, SERVERS and
// CLIENTS (commas between) choose some.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fanOut, modes } from './fanout.mjs'
import { goals } from './goals.mjs'
import { servers, unfit } from './rig.mjs'
import { CLIENTS as STALL_CLIENTS, stall } from './stall.mjs'
import { ms, number, table } from './table.mjs'

const quick = process.argv[2] === 'quick'
const list = (name, all) => process.env[name]?.split(',') ?? all
const names = list('SERVERS', Object.keys(servers))
const counts = list('CLIENTS', quick ? [200, 2000] : [200, 2000, 9000]).map(Number)
const stallSeconds = Number(process.env.STALL_SECONDS ?? (quick ? 3 : 20))
const stalling = ['res.write', 'ssecast pull', 'ssecast socket'].filter(name => names.includes(name))
const milliseconds = quick ? 1000 : 3000
const shell = command => execFileSync('sh', ['-c', command], { encoding: 'utf8' }).trim()
const limit = Number(shell('ulimit -Hn').replace('unlimited', '1e9'))

/** What went wrong: such a row counts for nothing. */
const faults = row => row.faults.map(([name, count]) => `${number(count)} ${name}`).join(', ') || 'none'

const sound = rows => rows.filter(row => row.faults.length === 0)

const fanOutColumns = {
  server: row => row.server,
  'deliveries/s': row => number(row.perSecond),
  'CPU/delivery µs': row => number(row.cpuUs),
  'publish() mean ms': row => ms(row.blockedMeanNs),
  'publish() p99 ms': row => ms(row.blockedP99Ns),
  'loop delay p99 ms': row => ms(row.delayP99Ns),
  'latency p50 ms': row => ms(row.p50Ns),
  'latency p99 ms': row => ms(row.p99Ns),
  'RSS/connection KiB': row => number(row.perConnection / 1024),
  'events/chunk': row => number(row.perSend),
  'client CPU µs': row => number(row.loadCpuUs),
  faults,
}

const started = Date.now()
const progress = text => console.error(`${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${text}`)
const rows = []
const skipped = []

for (const clients of counts) {
  for (const name of names) {
    const why = unfit(name, clients, limit)
    if (why) {
      skipped.push(`${name} with ${number(clients)} clients: ${why}`)
      continue
    }
    progress(`${name}, ${number(clients)} clients`)
    await measure(name, clients)
  }
}
const stalls = []
for (const name of quick ? stalling.slice(-1) : stalling) {
  for (const stalled of [false, true]) {
    progress(`${name}, ${number(STALL_CLIENTS)} clients, ${stalled ? 'one stalled' : 'none stalled'}`)
    await attempt(name, async () => stalls.push(await stall(name, servers[name], stalled, stallSeconds * 1000)))
  }
}

const tables = [...counts.map(fanOutTables), stallTable(), goalTable(), skippedList()]
const text = ['# Results', environment(), '## Fan-out', ...tables].join('\n\n')
console.log(text)
const here = name => new URL(name, import.meta.url)
mkdirSync(here('results'), { recursive: true })
writeFileSync(here('results/fanout.json'), JSON.stringify({ rows, stalls, skipped }, null, 1))
const parsed = here('results/parser.md')
const parser = existsSync(parsed) ? readFileSync(parsed, 'utf8') : 'Not measured.\n'
if (quick) writeFileSync(here('results/quick.md'), `${text}\n`)
else writeFileSync(here('RESULTS.md'), `${text}\n\n## Parser\n\n${parser}`)
process.exit()

async function measure(name, clients) {
  if (name !== 'floor, batched') {
    const isChosen = (mode, index) => (!quick || mode.bytes === 150) && (name !== 'ssecast release' || index === 0)
    const chosen = modes.filter(isChosen)
    return attempt(name, async () => rows.push(...(await fanOut(name, servers[name], clients, chosen, milliseconds))))
  }
  // As many events in each send as ssecast came to.
  for (const mode of modes.filter(({ rate }) => rate(1) === 0)) {
    const like = rows.find(row => row.server === 'ssecast socket' && row.clients === clients && row.mode === mode.name)
    if (!like) continue
    const make = () => servers[name](Math.max(1, Math.round(like.perSend)))
    await attempt(name, async () => rows.push(...(await fanOut(name, make, clients, [mode], milliseconds))))
  }
}

async function attempt(name, work) {
  try {
    await work()
  } catch (error) {
    progress(`${name} failed: ${error.message}`)
    skipped.push(`${name}: ${error.message}`)
  }
}

function environment() {
  const version = name =>
    JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
  const revision = shell('git rev-parse --short HEAD || echo of no revision')
  return `${new Date().toISOString().slice(0, 10)}, ssecast ${revision}, \`make bench${quick ? ' QUICK=1' : ''}\`. ` +
    `${cpus()[0].model}, ${cpus().length} cores shared by server and clients, ${number(totalmem() / 2 ** 30)} GiB, ` +
    `Linux ${release().split('-')[0]}, Node ${process.versions.node}, ` +
    `better-sse ${version('better-sse')}, express-sse ${version('express-sse')}.`
}

function fanOutTables(clients) {
  const tables = modes
    .map(({ name }) => [name, rows.filter(row => row.clients === clients && row.mode === name)])
    .filter(([, rows]) => rows.length > 0)
    .map(([mode, rows]) => `### ${number(clients)} clients, ${mode}\n\n${table(rows, fanOutColumns)}`)
  return tables.join('\n\n')
}

function stallTable() {
  const title = `One client of ${number(STALL_CLIENTS)} reads nothing for ${stallSeconds} s`
  return `### ${title}\n\n` +
    table(stalls, {
      server: row => row.server,
      stalled: row => (row.stalled ? 'one' : 'none'),
      'p50 ms': row => ms(row.p50Ns),
      'p99 ms': row => ms(row.p99Ns),
      'RSS grows by': row => number(row.grown / 2 ** 20, 'MiB'),
      'given up': row => row.left,
      'waits for the slowest': row => number(row.waiting / 1024, 'KiB'),
      faults,
    })
}

function goalTable() {
  return `### Goals\n\n${table(goals(sound(rows), sound(stalls)), {
    goal: row => row.what,
    aim: row => row.goal,
    measured: row => number(row.ratio),
    met: row => (row.met ? 'yes' : 'no'),
  })}`
}

function skippedList() {
  return skipped.length > 0 ? `Not measured: ${skipped.join('; ')}.` : 'Nothing was skipped.'
}
