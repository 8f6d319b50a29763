// What several processes share in the bench: this one publishes, and two others serve the clients of one port.
import { execFileSync, spawn } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { serve } from './server.mjs'

const WORKERS = 2
/** How often a worker says how far it is: often enough for AHEAD events to be more than it sends meanwhile. */
const REPORT_MS = 2

/**
 * Runs this program in three processes, which share what its first argument says: a `file` store, or `redis`, which is started.
 *
 * @param {object} program
 * @param {(url: string) => (data: string) => unknown} program.publisher makes what publishes, in the first process
 * @param {(url: string) => { listener: import('node:http').RequestListener, report: () => { clients: number, events: number, waiting: number } }}
 *   program.server makes what serves, in each of the others: its clients, the events that reached all of them, and the
 *   bytes that wait for the slowest one
 */
export async function run({ publisher, server }) {
  if (!cluster.isPrimary) return serveClients(server(process.env.URL))
  const { url, pid } = await shared[process.argv[2]]()
  const reports = new Map()
  const workers = Array.from({ length: WORKERS }, () => cluster.fork({ URL: url }))
  for (const worker of workers) worker.on('message', report => reports.set(worker.id, report))
  const ports = await Promise.all(workers.map(worker => new Promise(resolve => worker.once('listening', resolve))))
  const each = key => [...reports.values()].map(report => report[key])
  const publish = await publisher(url)
  let published = 0
  serve({
    port: ports[0].port,
    workers: [...workers.map(worker => worker.process.pid), ...(pid ? [pid] : [])],
    publish(data) {
      published++
      return publish(data)
    },
    count: () => each('clients').reduce((sum, clients) => sum + clients, 0),
    waiting: bytes => Math.max(...each('waiting'), (published - Math.min(...each('events'))) * bytes),
  })
}

const shared = {
  file: () => ({ url: pathToFileURL(mkdtempSync(join(tmpdir(), 'ssecast-bench-'))).href }),
  async redis() {
    const provide = fileURLToPath(new URL('../../redis/provide.sh', import.meta.url))
    const program = execFileSync('sh', [provide], { encoding: 'utf8' }).trim()
    const folder = mkdtempSync(join(tmpdir(), 'ssecast-bench-'))
    const port = 20_000 + (process.pid % 10_000)
    // It ends with this process, however that ends.
    const script = '"$0" "$@" >/dev/null & echo $!; cat >/dev/null; kill $!'
    const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
    const server = spawn('sh', ['-c', script, program, ...options.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] })
    const [pid] = await once(server.stdout, 'data')
    while (!(await answers(port))) await sleep(20)
    return { url: `redis://127.0.0.1:${port}`, pid: Number(pid) }
  },
}

function answers(port) {
  const socket = connect(port, '127.0.0.1')
  return new Promise(resolve => socket.once('connect', () => resolve(true)).once('error', () => resolve(false))).finally(() => socket.destroy())
}

function serveClients({ listener, report }) {
  createServer(listener).listen({ port: 0, host: '127.0.0.1', backlog: 511 })
  setInterval(() => process.connected && process.send(report(), () => {}), REPORT_MS)
  process.on('disconnect', () => process.exit())
}
