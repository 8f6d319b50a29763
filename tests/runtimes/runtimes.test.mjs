// The parser and the client in every runtime, and hub.response in two servers, each a process of its own. One that can't be installed here is skipped, but never in CI.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'

import { certificate, scenarios, startServer } from '../client/start.mjs'

const here = name => fileURLToPath(new URL(name, import.meta.url))
const node = version => [here(`node_modules/node${version}/bin/node`)]
const runtimes = {
  'Node 20': node(20),
  'Node 22': node(22),
  'Node 24': node(24),
  'Node 26': node(26),
  Deno: [here('node_modules/.bin/deno'), 'run', '--quiet', '--no-prompt', '--allow-read', '--allow-env', '--allow-net', '--allow-ffi', '--allow-sys', '--node-modules-dir=manual', '--unsafely-ignore-certificate-errors=127.0.0.1'],
  Bun: [here('node_modules/.bin/bun')],
}

/** What a program prints in a runtime, as JSON, once it has ended by itself; nothing if there is no such runtime here. */
async function run(t, name, program, ...parameters) {
  const [command, ...rest] = runtimes[name]
  const { error, status } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  if ((error || status !== 0) && !process.env.CI) return t.skip(`${name} can't be run here`)
  const child = spawn(command, [...rest, here(program), ...parameters], {
    cwd: here('.'),
    env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill())
  let [output, errors] = ['', '']
  child.stdout.on('data', data => (output += data))
  child.stderr.on('data', data => (errors += data))
  const code = await new Promise(resolve => child.on('close', resolve))
  assert.equal(code, 0, errors.slice(0, 4000))
  return JSON.parse(output)
}

for (const name of Object.keys(runtimes)) {
  test(`${name} parses the vectors, and any stream however it is cut`, { timeout: 120_000 }, async t => {
    const counts = await run(t, name, 'program.mjs')
    if (counts) assert.ok(counts.vectors > 60 && counts.streams === 3000, JSON.stringify(counts))
  })

  test(`${name} runs the client through every scenario, and ends by itself`, { timeout: 120_000 }, async t => {
    const counts = await run(t, name, 'client.mjs', JSON.stringify(await startServer(t)), 'runtime')
    if (counts) assert.ok(counts.scenarios >= scenarios.length - 1)
  })
}

for (const name of ['Deno', 'Bun']) {
  test(`${name}'s own server serves a hub by hub.response, to two clients and one that comes back`, { timeout: 60_000 }, async t => {
    const seen = await run(t, name, 'response.mjs')
    if (seen) assert.deepEqual(seen, { first: [['1'], ['1']], resumed: [['2', '3'], ['2', '3']], ended: [true, true] })
  })
}
