// Measures the clients of every language in one run, each beside what people use today, and prints Markdown: `node run.mjs`, with
// QUICK=1 in a minute. A language that is not set up here is left out, and the table says so.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { cpus, loadavg } from 'node:os'
import { createInterface } from 'node:readline'
import { brotliCompressSync } from 'node:zlib'

import { number, table } from '../table.mjs'

const here = name => fileURLToPath(new URL(name, import.meta.url))
const python = process.env.PYTHON ?? here('../python/.venv/bin/python')
const load = loadavg()[0]

const server = spawn(process.execPath, [here('server.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
const [port] = await once(createInterface(server.stdout), 'line')

/** Each client's process; the first of a language is ours. */
const programs = [
  ...['ssecast/client', 'eventsource', 'undici'].map(client => ['Node', [process.execPath, '--expose-gc', here('node.mjs'), client, port]]),
  ['Chromium', [process.execPath, here('chromium.mjs'), port]],
  ...['ssecast.EventSource', 'httpx-sse'].map(client => ['Python', [python, here('python.py'), client, port]]),
  ...['ssecast', 'reqwest-eventsource', 'eventsource-client'].map(client => ['Rust', [here('target/release/ssecast-bench-client'), client, port]]),
]
const rows = []
const missing = new Set()
for (const [language, [command, ...args]] of programs) {
  if (!existsSync(command) || (language === 'Chromium' && !existsSync(here('../../browser/node_modules')))) {
    missing.add(language)
    continue
  }
  console.error(`measuring ${args.slice(-2)[0].replace(/.*\//, '')} (${language})`)
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`)
  rows.push(...stdout.split('\n').filter(Boolean).map(line => JSON.parse(line)))
}
server.stdin.end()

const sizes = await compressed()
const revision = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: here('.'), encoding: 'utf8' }).stdout?.trim() || 'of no revision'
const text = [
  `${new Date().toISOString().slice(0, 10)}, ssecast ${revision}, \`make bench-client${process.env.QUICK === undefined ? '' : ' QUICK=1'}\`, ` +
    `Node ${process.versions.node}, ${cpus()[0].model}, load ${number(load)} before the run. Events of about 190 bytes over HTTP/1.1 on loopback, as fast ` +
    'as they are read: the best of several runs, in µs of wall and of the client’s processor time for each event. Latency is from the ' +
    'server’s write to the handler where events come alone, 1,000 a second. Memory is what each of 1,000 open sources adds: to the heap in Node, to the process in Rust.',
  ...['Node', 'Chromium', 'Python', 'Rust'].map(section),
  `### Size\n\nA page’s download, bundled and minified by esbuild, in bytes after brotli.\n\n` + table(sizes, { client: row => row.name, bytes: row => number(row.size) }),
].join('\n\n')
console.log(text)
mkdirSync(here('../results'), { recursive: true })
writeFileSync(here('../results/client.md'), `${text}\n`)

function section(language) {
  if (missing.has(language)) return `### ${language}\n\nNot measured: ${language} is not set up; \`make bench-client\` does that.`
  const of = rows.filter(row => row.language === language)
  const has = name => of[0][name] !== undefined
  return `### ${language}\n\n` + table(of, {
    client: row => row.client,
    'µs an event': row => number(row.wall),
    'ours is × as fast': row => number(row.wall / of[0].wall),
    ...(has('cpu') && { 'processor µs': row => number(row.cpu), 'alone, processor µs': row => number(row.alone) }),
    'latency p50 µs': row => number(row.p50),
    'p99 µs': row => number(row.p99),
    ...(has('memory') && { 'KiB a source': row => number(row.memory / 1024) }),
  })
}

async function compressed() {
  const require = createRequire(import.meta.url)
  const { build } = createRequire(here('../../../npm/package.json'))('esbuild')
  const size = async (name, entry, external = []) => {
    const { outputFiles } = await build({
      entryPoints: [entry], external, bundle: true, minify: true, format: 'esm', target: 'es2022', write: false, logLevel: 'silent',
    })
    return { name, size: brotliCompressSync(outputFiles[0].contents).length }
  }
  const ours = here('../../../npm/dist/esm/client/index.js')
  return [
    await size('ssecast/client', ours, ['./shared.js']),
    await size('ssecast/client, with what `shared` loads', ours),
    await size('eventsource', require.resolve('eventsource')),
    await size('sse.js', here('../../../npm/node_modules/sse.js/lib/sse.js')),
    await size('@microsoft/fetch-event-source', require.resolve('@microsoft/fetch-event-source')),
  ]
}
