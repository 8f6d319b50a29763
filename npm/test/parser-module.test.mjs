// What the parser's modules need and weigh. Where they run is tests/runtimes' business.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'

import { build } from 'esbuild'
import * as whole from 'ssecast'
import * as imported from 'ssecast/parser'

const require = createRequire(import.meta.url)
const npm = fileURLToPath(new URL('..', import.meta.url))

/** A module and all that it imports, as a page would get it. */
async function bundled(module, external = []) {
  // A neutral platform has no built-in modules: to import one is an error.
  const { outputFiles, metafile } = await build({
    entryPoints: [join(npm, 'dist/esm', module)], external,
    bundle: true, minify: true, format: 'esm', platform: 'neutral', target: 'es2022', write: false, metafile: true, logLevel: 'silent',
  })
  return { text: outputFiles[0].text, inputs: Object.keys(metafile.inputs) }
}

test('the grammar takes at most two kilobytes, and imports nothing of Node', async () => {
  const { text } = await bundled('parser/grammar.js')
  const size = brotliCompressSync(text).length
  assert.ok(size <= 2048, `${size} bytes`)
})

test('no entry point of the parsers needs Node, the addon, or more than it is', async () => {
  for (const [module, most] of [['parser/index.js', 4300], ['eventsource-parser/index.js', 2700], ['eventsource-parser/stream.js', 2800]]) {
    const { text, inputs } = await bundled(module)
    assert.deepEqual(inputs.filter(path => /native|addon/.test(path)), [])
    assert.doesNotMatch(text, /\brequire\b|\bBuffer\b/)
    const size = brotliCompressSync(text).length
    assert.ok(size <= most, `${module} is ${size} bytes`)
  }
})

test('the client takes less than six kilobytes, and two more where tabs share a connection, and imports nothing of Node', async () => {
  const { text, inputs } = await bundled('client/index.js', ['./shared.js'])
  assert.deepEqual(inputs.filter(path => /native|addon/.test(path)), [])
  assert.doesNotMatch(text, /\brequire\b|\bBuffer\b|\bprocess\.[a-z]+\(/)
  const size = brotliCompressSync(text).length
  assert.ok(size < 6 * 1024, `${size} bytes`)
  const whole = brotliCompressSync((await bundled('client/index.js')).text).length
  assert.ok(whole - size < 2000, `${whole - size} bytes more`)
})

test('in Node, the package and its parser are one implementation, for import and for require', () => {
  const required = require('ssecast/parser')
  assert.deepEqual(Object.keys(required).sort(), ['EventSourceParserStream', 'SsecastError', 'createParser', 'events'])
  for (const name of Object.keys(required)) {
    assert.equal(imported[name], required[name])
    assert.equal(whole[name], required[name])
  }
})

test('without the addon the package can be imported and required, and parses; only what needs the addon fails', t => {
  const folder = mkdtempSync(join(tmpdir(), 'ssecast-no-addon-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const installed = join(folder, 'node_modules/ssecast')
  for (const name of ['dist', 'index.mjs', 'client.mjs', 'parser.mjs', 'native.cjs', 'package.json']) cpSync(join(npm, name), join(installed, name), { recursive: true })
  const use = `
    const parsed = []
    for (const { createParser } of [whole, parser]) createParser({ onEvent: ({ data }) => parsed.push(data) }).feed(new TextEncoder().encode('data: é\\n\\n'))
    let failure
    try { whole.createHub() } catch (error) { failure = error.message }
    const encoded = new TextDecoder().decode(whole.encode({ event: 'tick', data: { now: 1 } }))
    const made = [typeof client.EventSource, typeof replacement.createParser]
    console.log(JSON.stringify({ parsed, encoded, made, failure }))`
  writeFileSync(join(folder, 'a.mjs'), `import * as whole from 'ssecast'; import * as parser from 'ssecast/parser'
    import * as client from 'ssecast/client'; import * as replacement from 'ssecast/eventsource-parser'; ${use}`)
  writeFileSync(join(folder, 'a.cjs'), `const whole = require('ssecast'), parser = require('ssecast/parser')
    const client = require('ssecast/client'), replacement = require('ssecast/eventsource-parser'); ${use}`)
  for (const name of ['a.mjs', 'a.cjs']) {
    const { stdout, stderr } = spawnSync(process.execPath, [join(folder, name)], { encoding: 'utf8' })
    const { failure, ...works } = JSON.parse(stdout || '{}')
    const made = ['function', 'function']
    assert.deepEqual(works, { parsed: ['é', 'é'], encoded: 'event: tick\ndata: {"now":1}\n\n', made }, stderr)
    assert.ok(failure.includes(`addon of ssecast could be loaded for ${process.platform}-${process.arch}`), failure)
    assert.match(failure, /this installation has: none\. To build one.*make build/)
  }
})

test('the parser loads no addon in Node', () => {
  const program = `
    const load = process.dlopen
    process.dlopen = () => { throw new Error('an addon was loaded') }
    const { createParser } = await import('ssecast/parser')
    const whole = await import('ssecast')
    createParser({ onEvent: ({ data }) => console.log(data) }).feed(Buffer.from('data: x\\n\\n'))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: npm, encoding: 'utf8' })
  assert.equal(stdout, 'x\n', stderr)
})

test('a package that was not built is not packed: npm pack says what is missing', t => {
  const root = mkdtempSync(join(tmpdir(), 'ssecast-not-built-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) cpSync(join(npm, '..', name), join(root, name))
  for (const name of ['package.json', 'prepack.mjs', 'README.md', 'index.mjs']) cpSync(join(npm, name), join(root, 'npm', name))
  const pack = () => spawnSync('npm', ['pack', '--dry-run', '--json', '--offline'], { cwd: join(root, 'npm'), encoding: 'utf8' })
  const refused = pack()
  assert.notEqual(refused.status, 0)
  assert.match(refused.stderr, /not built: it lacks dist\/.* and ssecast\.\*\.node, the addon\. Run `make build`/)

  cpSync(join(npm, 'dist'), join(root, 'npm/dist'), { recursive: true })
  writeFileSync(join(root, 'npm/ssecast.linux-x64-gnu.node'), '')
  const packed = pack()
  assert.equal(packed.status, 0, packed.stderr)
  for (const name of ['README.md', 'LICENSE-MIT', 'LICENSE-APACHE', 'dist/index.d.ts']) assert.ok(packed.stdout.includes(`"${name}"`), name)
})
