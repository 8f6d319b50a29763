import { createServer } from 'node:http'
import { createHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server may be so many events ahead of its slowest client; then it waits. */
export const AHEAD = 16

/** The interval at which the event loop's delay is sampled, which is part of what is sampled. */
const SAMPLE_MS = 10

/**
 * Serves event streams on a port of its own and publishes when it is told to, on standard input; answers are lines
 * of JSON. All servers of the bench do it in this way, `floor` included:
 *
 * - `publish <bytes> <events per second, or 0> <milliseconds>`: with 0 an event in each turn of the event loop, as
 *   long as no more than AHEAD events wait for a client.
 * - `count`: the clients that the next event will reach.
 * - `waiting`: the bytes that wait for the slowest of them, as far as the server knows.
 *
 * @param {object} server
 * @param {import('node:http').RequestListener} [server.listener] opens a stream
 * @param {number} [server.port] where streams are opened, if other processes serve them
 * @param {number[]} [server.workers] those processes
 * @param {(data: string) => void} server.publish
 * @param {() => number} server.count
 * @param {(bytes: number) => number} server.waiting how many bytes wait for the slowest client, when events have
 *   so many
 */
export function serve({ listener, port, workers, publish, count, waiting }) {
  if (listener) {
    const server = createServer(listener)
    server.listen({ port: 0, host: '127.0.0.1', backlog: 511 }, () => answer({ port: server.address().port }))
  } else answer({ port, workers })
  const commands = {
    publish: (bytes, rate, milliseconds) => publishFor(publish, waiting, bytes, rate, milliseconds),
    count: () => ({ count: count() }),
    waiting: () => ({ waiting: waiting(0) }),
    gc: () => void globalThis.gc(),
  }
  const input = createInterface({ input: process.stdin })
  input.on('line', async line => {
    const [name, ...numbers] = line.split(' ')
    answer((await commands[name](...numbers.map(Number))) ?? {})
  })
  // The parent process is gone, or done.
  input.on('close', () => process.exit())
}

function answer(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

async function publishFor(publish, waiting, bytes, rate, milliseconds) {
  const call = createHistogram()
  const blocked = createHistogram()
  const delay = monitorEventLoopDelay({ resolution: SAMPLE_MS })
  delay.enable()
  const start = performance.now()
  const elapsed = () => performance.now() - start
  let published = 0
  while (elapsed() < milliseconds) {
    const due = (published * 1000) / rate - elapsed()
    if (rate > 0 && due > 0) await sleep(due)
    else if (rate === 0 && waiting(bytes) > AHEAD * bytes) {
      await sleep(1)
      continue
    }
    await turn(publish, marked(published++, bytes), call, blocked)
  }
  delay.disable()
  return {
    published,
    callMeanNs: call.mean,
    blockedMeanNs: blocked.mean,
    blockedP99Ns: blocked.percentile(99),
    delayP99Ns: Math.max(0, delay.percentile(99) - SAMPLE_MS * 1e6),
  }
}

/** Publishes in a turn of its own. Node puts writes off to the next tick: the thread is blocked until that is over. */
function turn(publish, data, call, blocked) {
  return new Promise(resolve => {
    setImmediate(() => {
      const start = performance.now()
      publish(data)
      record(call, start)
      process.nextTick(() => {
        record(blocked, start)
        resolve()
      })
    })
  })
}

function record(histogram, start) {
  histogram.record(Math.max(1, Math.round((performance.now() - start) * 1e6)))
}

/** Data of a given size, with the marker that the load client looks for: see load/src/marker.rs. */
function marked(sequence, bytes) {
  const time = process.hrtime.bigint().toString().padStart(19, '0')
  return `@${sequence.toString().padStart(10, '0')} ${time}`.padEnd(bytes, 'x')
}

/** What waits in Node for the slowest of some responses. */
export function longestQueue(responses) {
  let longest = 0
  for (const response of responses) longest = Math.max(longest, response.writableLength)
  return longest
}
