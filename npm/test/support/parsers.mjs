// Makes parsers and lets go of them, round after round, and prints what the process takes before and after.
import { setImmediate } from 'node:timers/promises'

import { createParser } from 'ssecast'

const chunk = Buffer.from(`data: ${'x'.repeat(2000)}\n\nid: 1\ndata: ${'y'.repeat(2000)}`)

async function round() {
  for (let made = 0; made < 2000; made++) createParser({ onEvent() {} }).feed(chunk)
  // Finalizers run in turns of their own.
  for (let turn = 0; turn < 5; turn++) {
    globalThis.gc()
    await setImmediate()
  }
  return process.memoryUsage().rss
}

for (let warm = 0; warm < 4; warm++) await round()
const before = await round()
let after = Infinity
for (let count = 0; count < 12; count++) after = Math.min(count < 8 ? Infinity : after, await round())
console.log(JSON.stringify({ before, after }))
