import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { Process } from './process.mjs'

const path = name => fileURLToPath(new URL(name, import.meta.url))
const target = process.env.CARGO_TARGET_DIR ?? path('load/target')
const script =
  (file, ...args) =>
  (...more) =>
    new Process(process.execPath, '--expose-gc', path(`servers/${file}`), ...args, ...more)
const python =
  (file, ...args) =>
  () =>
    new Process(path('python/.venv/bin/python'), path(`python/${file}`), ...args)
const floor = (batch = 1) => new Process(`${target}/release/floor`, batch)

// Where the Python servers find the package as it is here.
process.env.PYTHONPATH = path('../../python')

/** The servers of Node, by the name that the tables call them. Each takes more arguments of its command line. */
export const node = {
  'better-sse': script('better-sse.mjs'),
  'express-sse': script('express-sse.mjs'),
  'res.write': script('write-loop.mjs'),
  'ssecast pull': script('ssecast.mjs', 'pull'),
  'ssecast socket': script('ssecast.mjs', 'auto'),
  'ssecast release': script('ssecast.mjs', 'release'),
  'ssecast engine': () => new Process(`${target}/release/engine`, 1),
  floor,
  'floor, batched': floor,
}

/** Those that run under uvicorn. */
export const asgi = {
  'sse-starlette': python('sse-starlette.py'),
  'fastapi.sse': python('fastapi-sse.py'),
  StreamingResponse: python('streaming-response.py'),
  'ssecast.asgi send': python('ssecast-asgi.py', 'send'),
  'ssecast.asgi transport': python('ssecast-asgi.py', 'transport'),
  'ssecast.asgi socket': python('ssecast-asgi.py', 'auto'),
}

/** Those that run in one sync worker of gunicorn. */
export const wsgi = {
  'a generator': python('generator-wsgi.py'),
  'ssecast.wsgi': python('ssecast-wsgi.py'),
}

/** A process that publishes, two that serve, and Redis where it is used, all of them measured together. */
export const processes = {
  'better-sse, Redis Pub/Sub': script('better-sse-redis.mjs', 'redis'),
  'ssecast, Redis store': script('store.mjs', 'redis'),
  'ssecast, file store': script('store.mjs', 'file'),
  'ssecast, in memory of one process': script('ssecast.mjs', 'auto'),
}

/** How many descriptors a server needs for a client: Node's and the engine's, which leaves three quarters of the process's free. */
const descriptors = name => (/^ssecast.* socket$/.test(name) ? 8 : 1)

/** What writes to sockets with so many clients. */
export const socketDelivery = clients => (clients > 2000 ? 'ssecast release' : 'ssecast socket')

/** Why a server is not measured with so many clients, if it is not. */
export function unfit(name, clients, limit) {
  if (clients * descriptors(name) + 100 > limit) return `${limit} descriptors are too few`
  // It writes to every client whenever one joins.
  if (name === 'express-sse' && clients > 2000) return 'they would not have joined within a minute'
  if (name === 'a generator') return 'the worker serves one'
}

/** What one server and its clients saw: the server, the load client, and what each client costs in memory. */
export class Rig {
  /** Starts a server and connects its clients. */
  static async start(make, clients) {
    const rig = new Rig()
    rig.clients = clients
    rig.server = make()
    try {
      const { port, worker, workers = [] } = await rig.server.answer(60_000)
      if (worker) rig.server.measure(worker)
      rig.server.measureToo(...workers)
      await rig.server.ask('gc')
      const before = rig.server.rss()
      rig.load = new Process(`${target}/release/load`, port, clients)
      await rig.load.answer(60_000)
      while ((await rig.server.ask('count')).count < clients) await sleep(10)
      await sleep(200)
      await rig.server.ask('gc')
      rig.perConnection = (rig.server.rss() - before) / clients
    } catch (error) {
      await rig.end()
      throw error
    }
    return rig
  }

  /** Publishes for a time, waits until every client has everything, and returns what it took. */
  async run(bytes, rate, milliseconds) {
    await this.load.ask('begin')
    const cpu = this.server.cpu()
    const publishing = await this.server.ask(`publish ${bytes} ${rate} ${milliseconds}`, milliseconds + 60_000)
    const report = await this.load.ask(`finish ${publishing.published} 30000`, 60_000)
    const { deliveries, repeated, skipped, missing, cut } = report
    return {
      ...publishing,
      ...report,
      perSecond: (deliveries * 1e9) / report.elapsedNs,
      cpuUs: (this.server.cpu() - cpu) / deliveries,
      loadCpuUs: report.cpuNs / 1000 / deliveries,
      loadShare: report.cpuNs / report.elapsedNs,
      perSend: deliveries / report.chunks,
      faults: Object.entries({ repeated, skipped, missing, cut }).filter(([, count]) => count > 0),
    }
  }

  /** Ends the clients, and lets the server end by itself. */
  async close() {
    await this.load.end()
    await this.server.close()
  }

  async end() {
    await this.load?.end()
    await this.server.end()
  }
}
