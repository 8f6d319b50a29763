// Measures fan-out of the native bindings beside what people use in their languages: `node native.mjs SERVERS`, where SERVERS is a folder
// with what `make bench-native` has built. CLIENTS (commas between) chooses how many, LANGUAGES some of them, and QUICK=1 takes a second for each.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { fanOut, modes } from './fanout.mjs'
import { Process } from './process.mjs'
import { ms, number, table } from './table.mjs'

const servers = process.argv[2]
const counts = (process.env.CLIENTS ?? '200,1000').split(',').map(Number)
const milliseconds = process.env.QUICK ? 1000 : 3000
const load = loadavg()[0]
const go = name => () => new Process(`${servers}/go`, name)
const java = name => () =>
  new Process('java', `-Djna.library.path=${servers}/lib`, '-cp', `${servers}/java/classes:${servers}/java/dependency/*`, 'Bench', name)

/**
 * Which are measured side by side: the first is the one that the others are compared with. At their pace all keep up; and a server
 * is warm after that time.
 */
const groups = {
  Go: {
    pace: 20_000,
    warmUp: 300,
    servers: { 'r3labs/sse': go('r3labs/sse'), 'tmaxmax/go-sse': go('tmaxmax/go-sse'), ssecast: go('ssecast') },
  },
  Java: {
    pace: 4_000,
    warmUp: 3000,
    missing: !existsSync(`${servers}/java/classes`) && 'Java needs Maven',
    servers: {
      SseEmitter: java('emitter'),
      'ssecast in Spring MVC': java('mvc'),
      'ssecast in WebFlux': java('webflux'),
      'ssecast listener': java('listener'),
    },
  },
}

const languages = process.env.LANGUAGES?.split(',') ?? Object.keys(groups)
const sections = []
const skipped = []
for (const language of languages) {
  const { pace, warmUp, missing, servers } = groups[language]
  if (missing) skipped.push(missing)
  else for (const clients of counts) sections.push(...(await measure(language, servers, clients, pace, warmUp)))
}

const text = [environment(), ...sections, skipped.length > 0 ? `Not measured: ${skipped.join('; ')}.` : 'Nothing was skipped.'].join('\n\n')
console.log(text)
mkdirSync(new URL('results', import.meta.url), { recursive: true })
writeFileSync(new URL('results/native.md', import.meta.url), `${text}\n`)
process.exit()

/** A table for each mode. */
async function measure(language, servers, clients, pace, warmUp) {
  const rows = []
  for (const [name, make] of Object.entries(servers)) {
    console.error(`${language}: ${name}, ${number(clients)} clients`)
    try {
      rows.push(...(await fanOut(name, make, clients, modes(pace).filter(({ bytes }) => bytes === 150), milliseconds, warmUp)))
    } catch (error) {
      console.error(`${name}: ${error.message}`)
      skipped.push(`${name} with ${number(clients)} clients: ${error.message}`)
    }
  }
  return [...new Set(rows.map(row => row.mode))].map(mode => {
    const shown = rows.filter(row => row.mode === mode)
    return `### ${language}, ${number(clients)} clients, ${mode}\n\n${table(shown, columns(shown[0]))}`
  })
}

function columns(first) {
  return {
    server: row => row.server,
    'deliveries/s': row => number(row.perSecond),
    [`× ${first.server}`]: row => number(row.perSecond / first.perSecond),
    'CPU/delivery µs': row => number(row.cpuUs),
    'publish() mean ms': row => ms(row.blockedMeanNs),
    'latency p50 ms': row => ms(row.p50Ns),
    'latency p99 ms': row => ms(row.p99Ns),
    'RSS/connection KiB': row => number(row.perConnection / 1024),
    'events/chunk': row => number(row.perSend),
    'client CPU µs': row => number(row.loadCpuUs),
    faults: row => row.faults.map(([fault, count]) => `${number(count)} ${fault}`).join(', ') || 'none',
  }
}

function environment() {
  const version = (...command) => spawnSync(command[0], command.slice(1), { encoding: 'utf8' }).output?.join('').split('\n')[0].trim()
  const revision = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  return (
    `${new Date().toISOString().slice(0, 10)}, ssecast ${revision}, \`make bench-native${process.env.QUICK ? ' QUICK=1' : ''}\`. ${cpus()[0].model}, ` +
    `${cpus().length} cores shared by server and clients, load ${number(load)} before the run; ${version('go', 'version')}, ${version('java', '-version')}.`
  )
}
