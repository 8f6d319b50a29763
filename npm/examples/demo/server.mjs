// The demo: two Express servers and this process share one hub. `make demo` starts it; PORT chooses the page's port.
import cluster from 'node:cluster'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createHub } from 'ssecast'
import { options } from './options.mjs'
import { SlowClient } from './slow-client.mjs'
import { Workers } from './workers.mjs'

const folder = mkdtempSync(join(tmpdir(), 'ssecast-demo-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const store = pathToFileURL(folder).href

cluster.setupPrimary({ exec: fileURLToPath(new URL('worker.mjs', import.meta.url)) })
const workers = new Workers(2, { STORE: store }, message => {
  if (message.address) begin(message.address)
  if (message.cut) workers.tell({ cut: message.cut })
  if (message.kill) workers.kill(message.kill)
  if (message.rate) rate = Math.min(Math.max(message.rate, 1), 500)
  if (message.slow) slow?.[message.slow]()
})

// What the clients read, as long as a page is open: ticks, large blocks for the slow client, and the counters. It is
// published here, where no client is connected.
const hub = createHub({ ...options, store })
const counts = { ticks: 0, blocks: 0, stats: 0 }
let slow
let rate = 20
let due = 0
let tickedAt = performance.now()

function begin(address) {
  if (slow) return
  slow = new SlowClient(`${address}/stream?client=slow&topics=blocks`)
  console.log(`ssecast demo: ${address}`)
}

// By the clock: on a busy machine timers are late.
every(50, () => {
  const now = performance.now()
  for (due += (rate * Math.min(now - tickedAt, 500)) / 1000; due >= 1; due--) publish('ticks', 'tick')
  tickedAt = now
})
every(100, () => {
  slow.open()
  // Fills the buffers of the system fast; from then on the lag grows slowly enough to watch.
  const kilobytes = workers.stats().lagBytes > 0 ? 16 : 96
  publish('blocks', 'block', { filling: 'x'.repeat(kilobytes << 10) })
})
every(250, () => {
  const { published, historyEvents } = hub.stats()
  const stats = { ...workers.stats(), published, historyEvents, workers: workers.report(), counts }
  send('stats', { ...stats, at: Date.now(), rate, slow: slow.report() }, { event: 'stats' })
  counts.stats++
})

/** Publishes the next event of a numbered series: the numbers let a client prove that it has every one. */
function publish(topic, event, more) {
  send(topic, { n: ++counts[topic], at: Date.now(), ...more }, { event })
}

function send(...publication) {
  hub.publish(...publication).catch(error => hub.closed || console.error(error.message))
}

function every(ms, work) {
  setInterval(() => {
    const isOpen = slow && slow.report().state !== 'closed'
    const watched = workers.stats().connections > (isOpen ? 1 : 0)
    if (watched) work()
    else slow?.close()
  }, ms).unref()
}

let stopping = false
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (stopping) return
    stopping = true
    slow?.close()
    hub.close()
    workers.stop()
  })
}
