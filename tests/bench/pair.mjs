// Measures two servers beside each other, in turns, so that what else the machine does is the same for both:
// `node pair.mjs <clients> <bytes> <events per second, or 0> <rounds> <program> <program>`. A program is a command line that
// speaks as the servers of the bench do. It prints the medians of both, and the median of the second's ratio to the first.

import { Rig } from './rig.mjs'
import { Process } from './process.mjs'
import { number, table } from './table.mjs'

const [clients, bytes, rate, rounds, ...programs] = process.argv.slice(2)
if (programs.length !== 2) throw new Error('usage: pair.mjs <clients> <bytes> <events per second, or 0> <rounds> <program> <program>')
const MILLISECONDS = 1500
const KEYS = ['perSecond', 'cpuUs', 'p50Ns', 'p99Ns', 'blockedMeanNs', 'perSend']

const median = values => values.sort((one, other) => one - other)[values.length >> 1]
const rows = programs.map(() => [])
for (let round = 0; round < Number(rounds); round++) {
  for (const [index, program] of programs.entries()) {
    const rig = await Rig.start(() => new Process(...program.split(' ')), Number(clients))
    try {
      const row = await rig.run(Number(bytes), Number(rate), MILLISECONDS)
      if (row.faults.length > 0) console.error(program, row.faults)
      rows[index].push(row)
    } finally {
      await rig.end()
    }
  }
}
const [first, second] = rows
console.log(
  table(KEYS, {
    what: key => key,
    first: key => number(median(first.map(row => row[key]))),
    second: key => number(median(second.map(row => row[key]))),
    ratio: key => number(median(second.map((row, index) => row[key] / first[index][key]))),
  })
)
process.exit()
