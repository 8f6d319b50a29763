// A run at random: processes of several languages publish and serve one hub, clients are cut, stalled and sent from one process to
// another, processes are killed, stopped and replaced, Redis is cut off, restarted and emptied. Then the clients compare what
// they have. The same seed makes the same decisions; what the system makes of them differs.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { check } from './check.mjs'
import { Client } from './client.mjs'
import { random } from './random.mjs'
import { stores } from './stores.mjs'
import { isBuilt, Worker } from './worker-process.mjs'

const TOPICS = ['red', 'green', 'blue']
const CLIENTS = 40
// What has not been built is left out.
const WORKERS = ['node', 'node', 'python'].filter(isBuilt)
// Small, so that clients that stay away for long lose something and have to be told.
const OPTIONS = { history: { events: 60, ms: 60_000 }, slowClient: { bytes: 64 << 10 } }
const PER_SECOND = 100
/** How long the end may take until all clients have everything. */
const PATIENCE_MS = 30_000

const topicOf = ({ n }) => TOPICS[n % TOPICS.length]

/** Runs for a time with a kind of store, and tells of it. Throws if any client lacks what it should have. */
export async function run(kind, seconds, seed) {
  console.log(`chaos: ${kind} store, ${seconds} s, seed ${seed}`)
  const dice = random(seed)
  const store = await stores[kind].start(dice)
  const published = new Map()
  const refused = new Set()
  /** Those whose publisher was killed before it had an answer: they may be there. */
  const unanswered = new Set()
  let workers = 0
  const alive = new Set()
  const startWorker = language => {
    const name = `${language}-${++workers}`
    const variables = { STORE: store.url, NAME: name, TOPICS: TOPICS.join(), PER_SECOND, OPTIONS: JSON.stringify(OPTIONS) }
    const text = n => JSON.stringify({ from: name, n })
    const worker = new Worker(language, variables, {
      publishing: n => unanswered.add(text(n)),
      published: (n, id) => unanswered.delete(text(n)) && published.set(id, text(n)),
      refused: n => store.refusalIsCertain && unanswered.delete(text(n)) && refused.add(text(n)),
    })
    alive.add(worker)
    return worker
  }
  const replace = async worker => {
    alive.delete(worker)
    await worker.kill()
    startWorker(worker.language)
  }
  const clients = []
  try {
    await Promise.all(WORKERS.map(language => startWorker(language).listening))
    const port = () => dice.of([...alive].filter(worker => worker.port))?.port
    for (let index = 0; index < CLIENTS; index++) {
      // Every other one reads all.
      clients.push(new Client(index % 2 ? TOPICS : [dice.of(TOPICS)], port, topicOf))
    }
    const counts = {}
    const actions = {
      cut: () => dice.of(clients).cut(),
      'cut many': () => clients.forEach(client => dice.below(2) && client.cut()),
      stall: () => dice.of(clients).stall(100 + dice.below(1500)),
      kill: () => replace(dice.of([...alive])),
      pause: () => dice.of([...alive]).pause(50 + dice.below(700)),
      ...store.actions,
    }
    const names = Object.keys(actions).flatMap(name => (name === 'cut' ? Array(6).fill(name) : [name]))
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(dice.below(120))) {
      const name = dice.of(names)
      counts[name] = (counts[name] ?? 0) + 1
      await actions[name]()
    }
    await settle(store, alive, clients)
    const found = check({ clients, topicOf, published, refused, unanswered })
    assert.ok(found.deliveries > 0)
    const actionsTaken = Object.entries(counts).map(([name, count]) => `${count} × ${name}`).join(', ')
    console.log(`  ${actionsTaken}`)
    console.log(
      `  ${published.size} published, ${refused.size} refused; ${found.deliveries} delivered to ${CLIENTS} clients in order, ` +
        `each once; ${found.resets} resets, which told of ${found.missed} that expired`,
    )
  } catch (error) {
    console.error(`chaos: failed with the ${kind} store; again: STORES=${kind} node tests/chaos/main.mjs ${seconds} ${seed}`)
    throw error
  } finally {
    clients.forEach(client => client.close())
    await Promise.all([...alive].map(worker => worker.kill()))
    await store.stop()
  }
}

/** Ends the disorder, and waits until all clients have the same last event of each topic. */
async function settle(store, alive, clients) {
  await store.settle?.()
  await Promise.all([...alive].map(worker => worker.resume()))
  await Promise.all([...alive].map(worker => worker.stopPublishing()))
  const lasts = topic => new Set(clients.filter(({ topics }) => topics.includes(topic)).map(client => client.lastOf(topic)))
  const differ = () => TOPICS.filter(topic => lasts(topic).size > 1)
  for (const end = Date.now() + PATIENCE_MS; differ().length > 0; await sleep(20)) {
    assert.ok(Date.now() < end, `clients don't have the same last event of ${differ().join(' and ')}`)
  }
}
