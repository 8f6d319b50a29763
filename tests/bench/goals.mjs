import { socketDelivery } from './rig.mjs'
import { number } from './table.mjs'

/** The servers that the goals are for. */
const OURS = 'ssecast socket'
const PYTHON = 'ssecast.asgi socket'

/** The ratios that are aimed at: what is compared, the goal, and what came out, if that was measured. */
export function goals(rows, stalls) {
  const find = (server, clients, mode) =>
    rows.find(row => row.server === server && row.clients === clients && row.mode === mode)
  const list = []
  const compare = (what, clients, mode, theirs, value, goal, isMet, ours) => {
    const [our, their] = [ours ?? socketDelivery(clients), theirs].map(server => find(server, clients, mode))
    if (!our || !their) return
    const ratio = value(our, their)
    list.push({ what: `${what}, ${number(clients)} clients, ${mode}`, goal, ratio, met: isMet(ratio) })
  }
  const times = (what, theirs, key, least, clients, mode, ours) => {
    const ratio = (our, their) => our[key] / their[key]
    compare(what, clients, mode, theirs, ratio, `≥ ${least} ×`, ratio => ratio >= least, ours)
  }
  const less = (what, theirs, key, least, clients, mode) => {
    const ratio = (our, their) => their[key] / our[key]
    compare(what, clients, mode, theirs, ratio, `≥ ${least} × less`, ratio => ratio >= least)
  }
  for (const clients of [2000, 9000]) {
    for (const mode of ['saturating, 150 B', 'saturating, 4 KB']) {
      times('deliveries/s against better-sse', 'better-sse', 'perSecond', 10, clients, mode)
      times('deliveries/s against res.write', 'res.write', 'perSecond', 6, clients, mode)
    }
  }
  for (const mode of ['paced, 150 B', 'saturating, 150 B']) {
    less('publish() against better-sse', 'better-sse', 'blockedMeanNs', 100, 2000, mode)
    const our = find(OURS, 2000, mode)
    if (our) {
      const value = our.blockedMeanNs / 1e6
      const what = `publish() in ms, 2,000 clients, ${mode}`
      list.push({ what, goal: '≤ 0.1 ms', ratio: value, met: value <= 0.1 })
    }
    less('event-loop delay p99 against better-sse', 'better-sse', 'delayP99Ns', 10, 2000, mode)
  }
  for (const clients of [200, 2000, 9000]) {
    for (const size of ['150 B', '4 KB']) {
      // The engine's own, and with what Node does to publish and to see how far the clients are.
      const most = (theirs, mode) => {
        for (const [what, ours] of [['the engine’s CPU', 'ssecast engine'], ['CPU']]) {
          const ratio = (our, their) => our.cpuUs / their.cpuUs
          compare(`${what} per delivery against ${theirs}`, clients, mode, theirs, ratio, '≤ 1.2 ×', ratio => ratio <= 1.2, ours)
        }
      }
      most('floor', `paced, ${size}`)
      most('floor, batched', `saturating, ${size}`)
    }
  }
  for (const clients of [200, 500, 1000]) {
    times('deliveries/s against sse-starlette', 'sse-starlette', 'perSecond', 10, clients, 'saturating, 150 B', PYTHON)
  }
  const memory = 'ssecast, in memory of one process'
  for (const store of ['file', 'Redis']) {
    times(`deliveries/s with the ${store} store against the hub in memory`, memory, 'perSecond', 0.9, 2000, 'saturating, 150 B', `ssecast, ${store} store`)
    times(`deliveries/s with the ${store} store against better-sse with Redis`, 'better-sse, Redis Pub/Sub', 'perSecond', 10, 2000, 'saturating, 150 B', `ssecast, ${store} store`)
  }
  const [without, stalled] = [false, true].map(is =>
    stalls.find(row => row.server === OURS && row.stalled === is)
  )
  if (without && stalled) {
    const ratio = stalled.p99Ns / without.p99Ns
    const what = 'p99 of the others while one client stalls'
    list.push({ what, goal: 'unchanged: ≤ 1.2 ×', ratio, met: ratio <= 1.2 })
  }
  return list
}
