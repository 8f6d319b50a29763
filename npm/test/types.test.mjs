import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { start } from './support/processes.mjs'

const require = createRequire(import.meta.url)
const tsc = join(require.resolve('typescript/package.json'), '..', require('typescript/package.json').bin.tsc)

for (const [folder, who] of Object.entries({ types: 'that import and that require the package', 'types/koa': 'with Koa' })) {
  test(`consumers ${who} compile under tsc, and their mistakes do not`, async t => {
    const child = start(t, [tsc, '-p', fileURLToPath(new URL(folder, import.meta.url))])
    assert.equal(await child.exited, 0, child.output)
  })
}
