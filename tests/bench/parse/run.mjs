// Measures the parsers of every language in one run, and prints Markdown: `node run.mjs`, with QUICK=1 in a minute or two.
// A language that is not set up here is left out, and the table says so.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cpus, loadavg } from 'node:os'

import { number, table } from '../table.mjs'

const here = name => fileURLToPath(new URL(name, import.meta.url))
const corpora = here('../results/corpora')
mkdirSync(corpora, { recursive: true })
const load = loadavg()[0]
/** `make bench-parse` installs them; the second one where there is a newer Python. */
const pythons = [here('../python/.venv/bin/python'), here('../python/.venv-newest/bin/python')].filter(existsSync)

/** What our own row is called, and how many times as fast as each rival it is to be. `rivals` are the columns, if not all. */
const languages = [
  { name: 'Rust, borrowed', language: 'Rust', own: 'ssecast, borrowed', rivals: ['sse-core', 'sse-parse'], goals: { 'sse-core': 1.3, 'sse-parse': 1.3 } },
  { name: 'Rust, owned', language: 'Rust', own: 'ssecast, owned', rivals: ['sse-core', 'sse-parse'], goals: { 'sse-core': 1, 'sse-parse': 1 } },
  {
    name: 'Rust, EventStream', language: 'Rust', own: 'ssecast, stream',
    rivals: ['sse-core, stream', 'sse-stream, stream', 'eventsource-stream, stream'], goals: { 'sse-core, stream': 1.2, 'sse-stream, stream': 1.2 },
  },
  ...[20, 24].flatMap(version => [
    {
      name: `Node ${version}, bytes`, language: `Node ${version}`, own: 'ssecast', rivals: ['eventsource-parser', 'undici'],
      goals: { 'eventsource-parser': 1 }, ascii: { 'eventsource-parser': version === 20 ? 2 : 1.5 },
    },
    {
      name: `Node ${version}, strings`, language: `Node ${version}`, own: 'ssecast, strings',
      rivals: ['eventsource-parser, strings', 'ssecast/eventsource-parser, strings'], goals: { 'eventsource-parser, strings': 1 },
    },
    {
      name: `Node ${version}, async iteration`, language: `Node ${version}`, own: 'ssecast, events',
      rivals: ['eventsource-parser, pipeline', 'ssecast, pipeline'], goals: { 'eventsource-parser, pipeline': 1.5 },
    },
  ]),
  ...(pythons.length > 0 ? pythons.map(versionOf) : ['Python']).map(name => ({ name, language: name, own: 'ssecast', goals: { 'httpx-sse': 5, openai: 10 } })),
]

const cargo = (...rest) => ['cargo', 'run', '--release', '--locked', '--quiet', '--manifest-path', here('Cargo.toml'), ...rest]
run('the streams', cargo('--bin', 'ssecast-bench-parse', '--', 'corpora', corpora))
const rows = [
  ...run('Rust', cargo('--bin', 'ssecast-bench-parse')),
  // `make test-runtimes` installs them.
  ...[20, 24].flatMap(version => {
    const node = here(`../../runtimes/node_modules/node${version}/bin/node`)
    return existsSync(node) ? run(`Node ${version}`, [node, here('node.mjs'), corpora]) : []
  }),
  // The script is the Python package's; it reads the same streams and prints the same lines.
  ...pythons.flatMap(python => run(versionOf(python), [python, here('python.py'), corpora])),
]
const scaling = run('long lines', cargo('--bin', 'scaling'))

const revision = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: here('.'), encoding: 'utf8' }).stdout?.trim() || 'of no revision'
const text = [
  `${new Date().toISOString().slice(0, 10)}, ssecast ${revision}, \`make bench-parse${process.env.QUICK === undefined ? '' : ' QUICK=1'}\`, ` +
    `Node ${process.versions.node}, ${pythons.map(versionOf).join(', ') || 'no Python'}, ${cpus()[0].model}, load ${number(load)} before the run. MB/s of ssecast, and its ratio to each other parser; "wrong" is one that lost events.`,
  ...languages.map(section),
  encodeTable(),
  costTable(),
  memoryTable(),
].filter(Boolean).join('\n\n')
console.log(text)
writeFileSync(here('../results/parser.md'), `${text}\n`)

/** Such as "Python 3.11". */
function versionOf(python) {
  return /^Python \d+\.\d+/.exec(spawnSync(python, ['--version'], { encoding: 'utf8' }).stdout)[0]
}

/** Runs one program and gives its lines. */
function run(what, [command, ...args]) {
  console.error(`measuring ${what}`)
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`)
  return stdout.split('\n').filter(Boolean).map(line => JSON.parse(line))
}

function section({ name, language, own, rivals, goals, ascii = goals }) {
  const all = rows.filter(row => row.language === language && row.parser)
  if (all.length === 0) return `### ${name}\n\nNot measured: ${language} is not installed; \`make bench-parse\` does that.`
  const isRival = parser => (rivals ? rivals.includes(parser) : !parser.startsWith('ssecast') && !parser.endsWith(', strings'))
  const others = [...new Set(all.map(row => row.parser))].filter(isRival)
  const lines = all.filter(row => row.parser === own).map(row => {
    const rate = parser => all.find(other => other.parser === parser && other.corpus === row.corpus && other.chunk === row.chunk).rate
    const ratios = Object.fromEntries(others.map(parser => [parser, rate(parser) === null ? null : row.rate / rate(parser)]))
    // A parser that loses events is not compared there.
    const aims = Object.entries(row.ascii ? ascii : goals).filter(([parser]) => ratios[parser] !== null)
    return { ...row, ratios, met: aims.every(([parser, least]) => ratios[parser] >= least) }
  })
  const columns = {
    corpus: row => row.corpus,
    chunk: row => (row.chunk === null ? 'one event' : row.chunk.toLocaleString('en-US')),
    'MB/s': row => number(row.rate),
    ...Object.fromEntries(others.map(parser => [`÷ ${parser}`, row => (row.ratios[parser] === null ? 'wrong' : number(row.ratios[parser]))])),
    goal: row => (row.met ? 'met' : '**missed**'),
  }
  const aim = goals => Object.entries(goals).map(([parser, least]) => `≥ ${least} × ${parser}`).join(', ')
  return `### ${name}\n\nGoal: ${aim(goals)}${ascii === goals ? '' : `; on ASCII ${aim(ascii)}`}; ` +
    `met in ${lines.filter(row => row.met).length} of ${lines.length}.\n\n${table(lines, columns)}`
}

function encodeTable() {
  const measured = rows.filter(row => row.encodes && row.language === versionOf(pythons[0]))
  if (measured.length === 0) return
  const encoders = [...new Set(measured.map(row => row.encoder))]
  const kinds = [...new Set(measured.map(row => row.encodes))].map(kind => measured.filter(row => row.encodes === kind))
  return `### Encoding an event (Python)\n\n` + table(kinds, {
    event: ([{ encodes }]) => encodes,
    ...Object.fromEntries(encoders.map(encoder => [
      `${encoder} ns`, kind => number(kind.find(row => row.encoder === encoder).nanoseconds),
    ])),
  })
}

function costTable() {
  const cost = scaling.filter(row => row.line)
  const sizes = [...new Set(cost.map(row => row.chunk))]
  const lines = [...new Set(cost.map(row => row.line))].map(line => cost.filter(row => row.line === line))
  return `### What a byte costs, by the length of its line (Rust)\n\n` + table(lines, {
    'KiB a line': ([{ line }]) => number(line),
    ...Object.fromEntries(sizes.map(size => [
      `ns/byte, chunks of ${size.toLocaleString('en-US')}`, line => number(line.find(row => row.chunk === size).nanoseconds),
    ])),
  })
}

function memoryTable() {
  return `### What a parser holds of an event that never ends, at its peak (Rust)\n\n` + table(scaling.filter(row => row.endless), {
    'an endless event of': row => row.endless,
    'limit KiB': row => number(row.limit / 1024),
    'peak KiB': row => number(row.peak / 1024),
  })
}
