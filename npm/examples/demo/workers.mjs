// The processes that serve: they are replaced when they end, and their counters are added up.
import cluster from 'node:cluster'

/** Long enough to see that the clients of a killed process are with another one. */
const REPLACED_AFTER_MS = 4_000

export class Workers {
  /** By their number, from 1 on. */
  #workers = new Map()
  /** What those counted that have ended. */
  #before = []
  #stopping = false

  /** Starts so many, with variables for their environment. What they send is passed on. */
  constructor(count, variables, onMessage) {
    for (let number = 1; number <= count; number++) this.#start(number, variables, onMessage)
  }

  #start(number, variables, onMessage) {
    const process = cluster.fork({ ...variables, WORKER: number })
    const worker = { process, stats: undefined }
    this.#workers.set(number, worker)
    process.on('message', message => {
      if (message.stats) worker.stats = message.stats
      else onMessage(message)
    })
    // It may be gone, and not be known to be: Ctrl-C ends all processes, in any order.
    process.on('error', () => {})
    process.on('exit', () => {
      const none = { connections: 0, lagging: 0, lagBytes: 0, heldBytes: 0, open: {} }
      if (worker.stats) this.#before.push({ ...worker.stats, ...none })
      worker.stats = undefined
      if (!this.#stopping) setTimeout(() => this.#stopping || this.#start(number, variables, onMessage), REPLACED_AFTER_MS)
    })
  }

  /** Kills one as the system does that has no memory left: it can do nothing about it. The last one that serves stays. */
  kill(number) {
    const serving = [...this.#workers.values()].filter(worker => worker.stats)
    const worker = this.#workers.get(number)
    if (worker?.stats && serving.length > 1) worker.process.process.kill('SIGKILL')
  }

  tell(message) {
    for (const { process } of this.#workers.values()) if (process.isConnected()) process.send(message)
  }

  /** The counters of all. */
  stats() {
    const all = [...this.#before, ...[...this.#workers.values()].flatMap(({ stats }) => stats ?? [])]
    return all.reduce(added, { connections: 0, delivered: 0, bytes: 0, heldBytes: 0, lagBytes: 0, disconnects: {}, resets: {}, open: { slow: 0, counters: 0 } })
  }

  /** What the page shows of each. */
  report() {
    return [...this.#workers].map(([number, { process, stats }]) => ({
      number,
      pid: process.process.pid,
      isServing: stats !== undefined,
      connections: stats?.connections ?? 0,
    }))
  }

  /** By a signal: one that has not begun yet would lose a message. */
  stop() {
    this.#stopping = true
    for (const { process } of this.#workers.values()) process.process.kill('SIGTERM')
  }
}

function added(sum, stats) {
  const counters = (one, other) =>
    Object.fromEntries(Object.keys(other).map(name => [name, (one[name] ?? 0) + other[name]]))
  return {
    ...counters(sum, { connections: stats.connections, delivered: stats.delivered, bytes: stats.bytes, heldBytes: stats.heldBytes }),
    lagBytes: Math.max(sum.lagBytes, stats.lagBytes),
    disconnects: counters(sum.disconnects, stats.disconnects),
    resets: counters(sum.resets, stats.resets),
    open: { ...sum.open, ...counters(sum.open, stats.open) },
  }
}
