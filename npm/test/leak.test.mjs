// Whether connections and events leave anything behind, in a process of its own whose memory is watched.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

async function grown(t, program, ...rest) {
  const path = fileURLToPath(new URL(`support/${program}`, import.meta.url))
  const child = spawn(process.execPath, ['--expose-gc', path, ...rest], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  let output = ''
  child.stdout.on('data', text => (output += text))
  assert.deepEqual(await once(child, 'close'), [0, null])
  const { before, after } = JSON.parse(output)
  return { mebibytes: (after - before) / (1 << 20), what: `from ${(before / (1 << 20)).toFixed(1)} MiB` }
}

for (const delivery of ['auto', 'pull']) {
  test(`memory does not grow with the number of past connections and events (${delivery})`, async t => {
    const { mebibytes, what } = await grown(t, 'rounds.mjs', delivery)
    // 64 rounds that kept a kilobyte of each of their 200 connections would be 12.5 MiB.
    assert.ok(mebibytes < 8, `grew by ${mebibytes.toFixed(1)} MiB ${what}`)
  })
}

test('memory does not grow with the number of past parsers', async t => {
  const { mebibytes, what } = await grown(t, 'parsers.mjs')
  // 12 rounds that kept the event under way of each of their 2,000 parsers would be 46 MiB.
  assert.ok(mebibytes < 8, `grew by ${mebibytes.toFixed(1)} MiB ${what}`)
})
