// Measures fan-out: `node run.mjs`, or `node run.mjs quick`. STALL_SECONDS makes the stall longer, SERVERS and
// CLIENTS (commas between) choose some.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { fanOut, modes, thousand } from './fanout.mjs'
import { goals } from './goals.mjs'
import { asgi, node, processes, socketDelivery, unfit, wsgi } from './rig.mjs'
import { CLIENTS as STALL_CLIENTS, stall } from './stall.mjs'
import { opened } from './opened.mjs'
import { ms, number, table } from './table.mjs'

const quick = process.argv[2] === 'quick'
const list = (name, all) => process.env[name]?.split(',') ?? all
const here = name => new URL(name, import.meta.url)
const isSmall = ({ bytes }) => bytes === 150

/** Which servers are measured side by side, with how many clients, and what is published: what all of them keep up with, where paced. */
const groups = [
  { title: 'Node', servers: node, counts: quick ? [200, 2000] : [200, 2000, 9000], modes: modes(20_000).filter(mode => !quick || isSmall(mode)) },
  { title: 'Python, uvicorn', servers: asgi, counts: quick ? [500] : [200, 500, 1000], modes: modes(4_000).filter(isSmall) },
  { title: 'Python, one sync worker of gunicorn', servers: wsgi, counts: [1000], modes: modes(4_000).filter(isSmall) },
  { title: 'Node, two processes that serve', servers: processes, counts: [20, 2000], modes: [...modes(20_000).filter(isSmall), thousand] },
].map(({ counts, servers, ...group }) => ({ ...group, servers: chosen(servers), counts: list('CLIENTS', counts).map(Number) }))
const stallSeconds = Number(process.env.STALL_SECONDS ?? (quick ? 3 : 20))
const stalling = ['res.write', 'ssecast pull', 'ssecast socket'].filter(name => groups[0].servers[name])
const milliseconds = quick ? 1000 : 3000
const OPENED = 1000
const OPENED_MS = 3000
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

for (const group of groups) {
  for (const clients of group.counts) {
    for (const name of Object.keys(group.servers)) {
      const why = unfit(name, clients, limit)
      if (why) {
        skipped.push(`${name} with ${number(clients)} clients: ${why}`)
        continue
      }
      progress(`${name}, ${number(clients)} clients`)
      await measure(group, name, clients)
    }
  }
}
const streams = []
for (const [name, make] of Object.entries(groups[2].servers)) {
  progress(`${name}, ${number(OPENED)} streams`)
  await attempt(name, async () => streams.push({ server: name, open: await opened(make, OPENED, OPENED_MS) }))
}
const stalls = []
for (const name of quick ? stalling.slice(-1) : stalling) {
  for (const stalled of [false, true]) {
    progress(`${name}, ${number(STALL_CLIENTS)} clients, ${stalled ? 'one stalled' : 'none stalled'}`)
    await attempt(name, async () => stalls.push(await stall(name, node[name], stalled, stallSeconds * 1000)))
  }
}

progress('one event')
const made = events()

const text = ['# Results', environment(), ...groups.map(groupTables), stallTable(), openedTable(), eventTable(), goalTable(), skippedList()]
  .filter(Boolean)
  .join('\n\n')
console.log(text)
mkdirSync(here('results'), { recursive: true })
writeFileSync(here('results/fanout.json'), JSON.stringify({ rows, stalls, streams, skipped }, null, 1))
const part = name => (existsSync(here(name)) ? readFileSync(here(name), 'utf8') : 'Not measured.\n')
if (quick) writeFileSync(here('results/quick.md'), `${text}\n`)
else writeFileSync(here('RESULTS.md'), `${text}\n\n## Go and Java\n\n${part('results/native.md')}\n## Parser\n\n${part('results/parser.md')}\n## Client\n\n${part('results/client.md')}`)
process.exit()

async function measure({ modes, servers }, name, clients) {
  if (name !== 'floor, batched') {
    // Where it is not what is compared, only what a connection costs is of interest.
    const chosen = name === 'ssecast release' && socketDelivery(clients) !== name ? modes.slice(0, 1) : modes
    return attempt(name, async () => rows.push(...(await fanOut(name, servers[name], clients, chosen, milliseconds))))
  }
  // As many events in each send as ssecast came to.
  for (const mode of modes.filter(({ rate }) => rate(1) === 0)) {
    const like = rows.find(row => row.server === socketDelivery(clients) && row.clients === clients && row.mode === mode.name)
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

/** Those that are to be measured. */
function chosen(servers) {
  const names = list('SERVERS', Object.keys(servers))
  return Object.fromEntries(Object.entries(servers).filter(([name]) => names.includes(name)))
}

function environment() {
  const pinned = readFileSync(here('python/requirements.txt'), 'utf8')
  const pythonVersion = name => `${name} ${new RegExp(`^${name}==(.+)$`, 'm').exec(pinned)[1]}`
  const pythons = ['fastapi', 'starlette', 'sse-starlette', 'uvicorn', 'uvloop', 'httptools', 'gunicorn'].map(pythonVersion)
  const version = name =>
    JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
  const revision = shell('git rev-parse --short HEAD || echo of no revision')
  return `${new Date().toISOString().slice(0, 10)}, ssecast ${revision}, \`make bench${quick ? ' QUICK=1' : ''}\`. ` +
    `${cpus()[0].model}, ${cpus().length} cores shared by server and clients, ${number(totalmem() / 2 ** 30)} GiB, ` +
    `Linux ${release().split('-')[0]}, Node ${process.versions.node}, ` +
    `better-sse ${version('better-sse')}, express-sse ${version('express-sse')}; ` +
    `${shell(`${here('python/.venv/bin/python').pathname} --version`)}, ${pythons.join(', ')}.`
}

function groupTables({ title, servers, counts, modes }) {
  const tables = counts.flatMap(clients =>
    modes
      .map(({ name }) => [name, rows.filter(row => row.clients === clients && row.mode === name && servers[row.server])])
      .filter(([, rows]) => rows.length > 0)
      .map(([mode, rows]) => `### ${number(clients)} clients, ${mode}\n\n${table(rows, fanOutColumns)}`)
  )
  return tables.length > 0 && [`## Fan-out: ${title}`, ...tables].join('\n\n')
}

/** What one event costs, on the Nodes that `make test-runtimes` installs, or else on this one. */
function events() {
  const paths = [20, 24].map(version => here(`../runtimes/node_modules/node${version}/bin/node`).pathname).filter(existsSync)
  return (paths.length > 0 ? paths : [process.execPath]).flatMap(path => {
    const output = execFileSync(path, [here('publish.mjs').pathname], { encoding: 'utf8', env: { ...process.env, ...(quick && { QUICK: '1' }) } })
    return output.trim().split('\n').map(line => JSON.parse(line))
  })
}

function eventTable() {
  return `### Making one event in Node, without subscribers\n\nBeside the line that people write by hand: a template string and ` +
    `\`Buffer.from\`, or \`JSON.stringify\` alone for an object.\n\n` +
    table(made, {
      Node: row => row.node,
      event: row => row.what,
      'ssecast ns': row => number(row.ours),
      'by hand ns': row => number(row.theirs),
      times: row => number(row.ours / row.theirs),
      goal: row => `≤ ${row.goal} ×: ${row.ours <= row.goal * row.theirs ? 'met' : '**missed**'}`,
    })
}

function openedTable() {
  if (streams.length === 0) return
  const columns = { server: row => row.server, [`open after ${OPENED_MS / 1000} s`]: row => number(row.open) }
  return `### ${number(OPENED)} streams asked of one sync worker of gunicorn\n\n${table(streams, columns)}`
}

function stallTable() {
  if (stalls.length === 0) return
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
