import { Rig } from './rig.mjs'

/**
 * What is published: the size of an event's data, and whether it is published as fast as the server can, or at a pace
 * that makes so many deliveries a second with any number of clients.
 */
export const modes = deliveries => [
  { name: 'paced, 150 B', bytes: 150, rate: clients => deliveries / clients },
  { name: 'saturating, 150 B', bytes: 150, rate: () => 0 },
  { name: 'paced, 4 KB', bytes: 4096, rate: clients => deliveries / clients },
  { name: 'saturating, 4 KB', bytes: 4096, rate: () => 0 },
]

/** A thousand events a second to few clients: what a store adds to the latency. */
export const thousand = { name: '1,000 events/s, 150 B', bytes: 150, rate: clients => (clients <= 100 ? 1000 : 20_000 / clients) }

/** Runs the modes one after the other with the same clients, once the server is warm: a row for each. */
export async function fanOut(name, make, clients, modes, milliseconds, warmUp = 300) {
  const rows = []
  const rig = await Rig.start(make, clients)
  try {
    // What is compiled when it is hot is hot then.
    await rig.run(150, 0, warmUp)
    for (const { name: mode, bytes, rate } of modes) {
      const run = await rig.run(bytes, rate(clients), milliseconds)
      rows.push({ server: name, clients, mode, perConnection: rig.perConnection, ...run })
    }
  } finally {
    await rig.end()
  }
  return rows
}
