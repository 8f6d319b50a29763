// The parser in every runtime, each a process of its own. One that can't be installed here is skipped, but never in CI.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'

const here = name => fileURLToPath(new URL(name, import.meta.url))
const program = here('program.mjs')
const node = version => [here(`node_modules/node${version}/bin/node`), program]
const runtimes = {
  'Node 20': node(20),
  'Node 22': node(22),
  'Node 24': node(24),
  'Node 26': node(26),
  Deno: [here('node_modules/.bin/deno'), 'run', '--quiet', '--no-prompt', '--allow-read', '--allow-env', '--node-modules-dir=manual', program],
  Bun: [here('node_modules/.bin/bun'), program],
}

for (const [name, [command, ...rest]] of Object.entries(runtimes)) {
  test(`${name} parses the vectors, and any stream however it is cut`, { timeout: 120_000 }, async t => {
    const { error, status } = spawnSync(command, ['--version'], { encoding: 'utf8' })
    if ((error || status !== 0) && !process.env.CI) return t.skip(`${name} can't be run here`)
    const child = spawn(command, rest, { cwd: here('.'), stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => child.kill())
    let [output, errors] = ['', '']
    child.stdout.on('data', data => (output += data))
    child.stderr.on('data', data => (errors += data))
    const code = await new Promise(resolve => child.on('close', resolve))
    assert.equal(code, 0, errors.slice(0, 4000))
    const { vectors, streams } = JSON.parse(output)
    assert.ok(vectors > 60 && streams === 3000, output)
  })
}
