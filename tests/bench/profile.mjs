// What a delivery costs beside the system's `send`, in numbers that do not depend on what else the machine does:
// `node profile.mjs`, or `make bench-profile`. For the engine and for the floor it counts instructions of the program's own per
// delivery (callgrind), system calls (strace) and context switches per event, and the share of its time that is its own (perf). CLIENTS (500) says how many clients there are.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Process } from './process.mjs'
import { Rig } from './rig.mjs'
import { number, table } from './table.mjs'

const path = name => fileURLToPath(new URL(name, import.meta.url))
const target = process.env.CARGO_TARGET_DIR ?? path('load/target')
const clients = Number(process.env.CLIENTS ?? 500)
const results = path('results/profile')
mkdirSync(results, { recursive: true })

/** What is measured. */
const programs = {
  engine: [`${target}/release/engine`, 1],
  floor: [`${target}/release/floor`, 1],
}
const modes = { paced: { rate: 40, milliseconds: 2000 }, batched: { rate: 0, milliseconds: 2000 } }

/** Runs a program with clients, by a command before its own, and gives what came of it before the program ends. */
async function run(before, command, { rate, milliseconds }, look = () => ({})) {
  const rig = await Rig.start(() => new Process(...before, ...command), clients)
  const start = look(rig)
  const row = await rig.run(150, rate, milliseconds)
  const end = look(rig)
  const differences = Object.fromEntries(Object.entries(end).map(([key, value]) => [key, value - start[key]]))
  await rig.close()
  return { ...row, ...differences }
}

/** How often the threads of a program have slept, and how often they were interrupted. */
function switches(rig) {
  const all = { slept: 0, interrupted: 0 }
  for (const thread of readdirSync(`/proc/${rig.server.pid}/task`)) {
    const status = readFileSync(`/proc/${rig.server.pid}/task/${thread}/status`, 'utf8')
    all.slept += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)[1])
    all.interrupted += Number(/^nonvoluntary_ctxt_switches:\s+(\d+)/m.exec(status)[1])
  }
  return all
}

/** Counts a program's instructions, and writes where they are. The beginning and the end are in it: two runs differ by deliveries. */
async function instructions(file, program, publishing) {
  const callgrind = ['valgrind', '--tool=callgrind', '--quiet', `--callgrind-out-file=${file}.callgrind`]
  const row = await run(callgrind, program, publishing)
  const annotated = execFileSync('callgrind_annotate', ['--auto=no', `${file}.callgrind`], { encoding: 'utf8', maxBuffer: 1 << 28 })
  writeFileSync(`${file}.txt`, annotated)
  const total = /([\d,]+)[^\n]*PROGRAM TOTALS/.exec(annotated)[1]
  return { instructions: Number(total.replaceAll(',', '')), deliveries: row.deliveries, chunks: row.chunks }
}

/** Which part of its processor time a program spends outside of the kernel. */
async function own(file, program, publishing) {
  await run(['perf', 'record', '--quiet', '-F', '2000', '-o', `${file}.perf`], program, publishing)
  const report = execFileSync('perf', ['report', '-i', `${file}.perf`, '--no-children', '--sort', 'dso', '--stdio'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return 100 - Number(/([\d.]+)% +\[kernel/.exec(report)[1])
}

const rows = []
for (const [mode, publishing] of Object.entries(modes)) {
  for (const [name, program] of Object.entries(programs)) {
    const file = `${results}/${mode}-${name}`
    const [short, long] = [await instructions(file, program, { ...publishing, milliseconds: 500 }), await instructions(file, program, publishing)]
    const growth = key => long[key] - short[key]
    const plain = await run([], program, publishing, switches)
    const traced = await run(['strace', '--follow-forks', '--summary-only', `--output=${file}.strace`], program, publishing)
    const calls = readFileSync(`${file}.strace`, 'utf8')
    const count = call => Number(new RegExp(`^ *[\\d.]+ +[\\d.]+ +\\d+ +(\\d+) .*\\b${call}$`, 'm').exec(calls)?.[1] ?? 0)
    rows.push({
      mode,
      name,
      perDelivery: growth('instructions') / growth('deliveries'),
      perChunk: growth('instructions') / growth('chunks'),
      sends: (count('sendto') - clients) / traced.chunks,
      polls: (count('epoll_wait') + count('poll')) / traced.published,
      wakes: (count('write') + count('futex')) / traced.published,
      slept: plain.slept / plain.published,
      own: await own(file, program, publishing),
      perSend: plain.perSend,
    })
  }
}
console.log(
  table(rows, {
    mode: row => row.mode,
    program: row => row.name,
    'instructions/delivery': row => number(row.perDelivery),
    'instructions/chunk': row => number(row.perChunk),
    'sends/chunk': row => number(row.sends),
    'polls/event': row => number(row.polls),
    'writes and futexes/event': row => number(row.wakes),
    'sleeps/event': row => number(row.slept),
    'events/chunk': row => number(row.perSend),
    'its own time, %': row => number(row.own),
  })
)
console.log(`\n${number(clients)} clients; the functions are in ${results}`)
process.exit()
