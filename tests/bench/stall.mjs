import { setTimeout as sleep } from 'node:timers/promises'
import { Rig } from './rig.mjs'

export const CLIENTS = 1000
const BYTES = 16 << 10
const RATE = 20

/** Publishes at a pace for a time, while one client reads nothing or while all do: a row. */
export async function stall(name, make, stalled, milliseconds) {
  const rig = await Rig.start(() => make('limited'), CLIENTS)
  try {
    await rig.run(BYTES, RATE, 500)
    if (stalled) await rig.load.ask('stall')
    const before = rig.server.rss()
    let peak = before
    const watch = setInterval(() => (peak = Math.max(peak, rig.server.rss())), 100)
    const run = await rig.run(BYTES, RATE, milliseconds).finally(() => clearInterval(watch))
    await sleep(300)
    const { waiting } = await rig.server.ask('waiting')
    const { count } = await rig.server.ask('count')
    return { server: name, stalled, grown: peak - before, waiting, left: CLIENTS - count, ...run }
  } finally {
    await rig.end()
  }
}
