// Does with each snippet of the documentation's pages what its fence says: docs/README.md has the list.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { EventSource } from '../../npm/client.mjs'
import { start } from '../support/program.mjs'

const run = promisify(execFile)
const at = path => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const docs = at('docs/')
const pages = ['', 'guide/', 'migrate/'].flatMap(folder =>
  readdirSync(docs + folder).filter(name => name.endsWith('.md') && name !== 'README.md').map(name => folder + name),
)
const snippets = pages.flatMap(page =>
  [...readFileSync(docs + page, 'utf8').matchAll(/^```(js|ts)(?: (\w+))?(?: \[.*\])?\n([^]*?)^```$/gm)].map(([, language, mark, code], index) => ({
    name: `${page.replace(/\W/g, '-')}-${index}`, page, mark, code, language,
  })),
)

describe('the documentation', { timeout: 60_000 }, () => {
  // Inside of the package, its own name leads to it.
  const dist = at('npm/dist/')
  mkdirSync(dist, { recursive: true })
  const folder = mkdtempSync(join(dist, 'docs-'))
  after(() => rmSync(folder, { recursive: true }))
  const write = ({ name, code }, extension = 'mjs') => {
    writeFileSync(join(folder, `${name}.${extension}`), code)
    return join(folder, `${name}.${extension}`)
  }

  it('says of each snippet in JavaScript what is to be done with it', () => {
    const marks = new Set(snippets.map(({ mark }) => mark))
    assert.deepEqual([...marks].sort(), ['adapter', 'before', 'client', 'cluster', 'run', 'shutdown', 'test', undefined])
  })

  // Many pages show the same program.
  const isRunElsewhere = ({ page }) => /^guide\/(frameworks|clients|answers)/.test(page) // readme.test.mjs
  const programs = new Map(snippets.filter(snippet => snippet.mark === 'run' && !isRunElsewhere(snippet)).map(snippet => [snippet.code, snippet]))
  it('has servers that give a client its first event', async () => {
    const servers = [...programs.values()].filter(({ code }) => code.includes('3000'))
    assert.ok(servers.length >= 4)
    await Promise.all(servers.map(async snippet => {
      const { port, stop } = await start(write(snippet))
      const source = new EventSource(`http://127.0.0.1:${port}${snippet.code.includes("'/answer'") ? '/answer' : '/stream'}`)
      for (const type of ['tick', 'token']) source.addEventListener(type, () => source.dispatchEvent(new MessageEvent('message', { data: type })))
      await once(source, 'message')
      source.close()
      await stop()
    }))
  })

  it('has programs and tests that pass', async () => {
    const others = [...programs.values(), ...snippets.filter(({ mark }) => mark === 'test' || mark === 'client')]
    const programsThatEnd = others.filter(({ code }) => !code.includes('3000'))
    assert.ok(programsThatEnd.length >= 2)
    for (const snippet of programsThatEnd) await run(process.execPath, [write(snippet)], { timeout: 20_000 })
  })

  it('has snippets whose types are right, and old ones whose syntax is', async () => {
    const isChecked = ({ mark, code }) => !mark && !code.includes("'vitest'") && !code.includes('resolve: { alias')
    for (const snippet of snippets.filter(({ mark }) => mark === 'before')) await run(process.execPath, ['--check', write(snippet)])
    const checked = snippets.filter(isChecked)
    assert.ok(checked.length > 10)
    for (const snippet of checked) write({ ...snippet, code: `${snippet.code}\nexport {}\n` }, 'mts')
    // Here the declarations find what the npm package has installed.
    writeFileSync(join(folder, 'declarations.d.ts'), readFileSync(at('tests/readme/declarations.d.ts')))
    const compilerOptions = {
      module: 'nodenext', target: 'es2023', lib: ['es2023', 'es2024.string', 'dom', 'dom.iterable'], strict: true, noImplicitAny: false,
      noEmit: true, skipLibCheck: true, types: ['node'],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts', '*.mts'] }))
    const { stdout } = await run(at('npm/node_modules/.bin/tsc'), ['-p', folder], { cwd: dirname(folder) }).catch(error => error)
    assert.equal(stdout, '')
  })
})
