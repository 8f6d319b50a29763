// What it costs to make one event, without subscribers: one line of JSON for each row, of the Node that runs this.
// Beside it stands the line that people write by hand, which makes the bytes and does nothing else.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { createHub, encode } = require('../../npm')
const quick = process.env.QUICK !== undefined

const hub = createHub()
/** Not always the same text: of a constant the engine makes the bytes' string once and for all. */
const texts = Array.from({ length: 64 }, (_, index) => `a message of thirty characte${String(index).padStart(2, '0')}`)
const object = { id: 1_234_567, user: 'somebody', text: 'understanding between implementations', tags: ['a', 'b'] }
const large = { items: Array.from({ length: 20 }, (_, index) => ({ ...object, index })) }

let number = 0
const text = () => texts[number++ % texts.length]
const frame = data => Buffer.from(`id: ${number++}\ndata: ${data}\n\n`)
const line = data => Buffer.from(`data: ${JSON.stringify(data)}\n\n`)
const typed = data => Buffer.from(`id: ${number++}\nevent: tick\ndata: ${data}\n\n`)

/** Ours, theirs, and how many times theirs ours may take. */
const rows = {
  'encode, 30 bytes': [() => encode({ data: text() }), () => Buffer.from(`data: ${text()}\n\n`), 2],
  'encode, 30 bytes with id and type': [() => encode({ data: text(), id: number++, event: 'tick' }), () => typed(text()), 2],
  'encode, an object of 110 bytes': [() => encode({ data: object }), () => JSON.stringify(object), 1.2],
  'encode, an object of 2.5 KB': [() => encode({ data: large }), () => JSON.stringify(large), 1.2],
  'publish, 30 bytes': [() => hub.publish('ticks', text()), () => frame(text()), 2],
  'publish, 30 bytes with a type': [() => hub.publish('ticks', text(), { event: 'tick' }), () => typed(text()), 2],
  'publish, an object of 110 bytes': [() => hub.publish('ticks', object), () => JSON.stringify(object), 1.2],
  'publish, an object of 2.5 KB': [() => hub.publish('ticks', large), () => JSON.stringify(large), 1.2],
  // What the two before can't be below: the bytes have to be made.
  'encode, an object of 110 bytes, beside the whole line': [() => encode({ data: object }), () => line(object), 1.2],
  'publish, an object of 110 bytes, beside the whole line': [() => hub.publish('ticks', object), () => frame(JSON.stringify(object)), 2],
  'publish, an object of 2.5 KB, beside the whole line': [() => hub.publish('ticks', large), () => frame(JSON.stringify(large)), 1.2],
}

const ROUNDS = quick ? 20 : 60
const MILLISECONDS = 4

/** Nanoseconds for each call, in one round of some milliseconds. */
function once(call, count) {
  const start = process.hrtime.bigint()
  for (let index = 0; index < count; index++) call()
  return Number(process.hrtime.bigint() - start) / count
}

for (const [what, [ours, theirs, goal]] of Object.entries(rows)) {
  const best = [Infinity, Infinity]
  let counts = [200, 200]
  // The rounds take turns, so that a busy machine disturbs both alike; the best one counts.
  for (let round = 0; round < ROUNDS; round++) {
    const took = [ours, theirs].map((call, index) => once(call, counts[index]))
    took.forEach((time, index) => (best[index] = Math.min(best[index], time)))
    counts = best.map(time => Math.ceil((MILLISECONDS * 1e6) / time))
  }
  console.log(JSON.stringify({ node: process.versions.node, what, ours: best[0], theirs: best[1], goal }))
}
process.exit()
