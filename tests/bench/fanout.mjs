import { Rig } from './rig.mjs'

/** What is published, and how fast. Paced: as much for each number of clients as every server keeps up with. */
const PACED_DELIVERIES = 20_000

/** The size of an event's data, and whether it is published at a pace or as fast as the server can. */
export const modes = [
  { name: 'paced, 150 B', bytes: 150, rate: clients => PACED_DELIVERIES / clients },
  { name: 'saturating, 150 B', bytes: 150, rate: () => 0 },
  { name: 'paced, 4 KB', bytes: 4096, rate: clients => PACED_DELIVERIES / clients },
  { name: 'saturating, 4 KB', bytes: 4096, rate: () => 0 },
]

/** Runs the modes one after the other with the same clients: a row for each. */
export async function fanOut(name, make, clients, modes, milliseconds) {
  const rows = []
  const rig = await Rig.start(make, clients)
  try {
    // What is compiled when it is hot is hot then.
    await rig.run(150, 0, 300)
    for (const { name: mode, bytes, rate } of modes) {
      const run = await rig.run(bytes, rate(clients), milliseconds)
      rows.push({ server: name, clients, mode, perConnection: rig.perConnection, ...run })
    }
  } finally {
    await rig.end()
  }
  return rows
}
