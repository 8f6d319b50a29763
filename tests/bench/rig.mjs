import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { Process } from './process.mjs'

const path = name => fileURLToPath(new URL(name, import.meta.url))
const target = process.env.CARGO_TARGET_DIR ?? path('load/target')
const node =
  (file, ...args) =>
  (...more) =>
    new Process(process.execPath, '--expose-gc', path(`servers/${file}`), ...args, ...more)
const floor = (batch = 1) => new Process(`${target}/release/floor`, batch)

/** The servers, by the name that the tables call them. Each takes more arguments of its command line. */
export const servers = {
  'better-sse': node('better-sse.mjs'),
  'express-sse': node('express-sse.mjs'),
  'res.write': node('write-loop.mjs'),
  'ssecast pull': node('ssecast.mjs', 'pull'),
  'ssecast socket': node('ssecast.mjs', 'auto'),
  'ssecast release': node('ssecast.mjs', 'release'),
  floor,
  'floor, batched': floor,
}

/** How many descriptors a server needs for a client. */
const descriptors = name => (name === 'ssecast socket' ? 2 : 1)

/** Why a server is not measured with so many clients, if it is not. */
export function unfit(name, clients, limit) {
  if (clients * descriptors(name) + 100 > limit) return `${limit} descriptors are too few`
  // It writes to every client whenever one joins.
  if (name === 'express-sse' && clients > 2000) return 'they would not have joined within a minute'
}

/** What one server and its clients saw: the server, the load client, and what each client costs in memory. */
export class Rig {
  /** Starts a server and connects its clients. */
  static async start(make, clients) {
    const rig = new Rig()
    rig.clients = clients
    rig.server = make()
    try {
      const { port } = await rig.server.answer()
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

  async end() {
    await this.load?.end()
    await this.server.end()
  }
}
