// Compiles the package's TypeScript: for require, for import, and both of what the package of eventsource-parser's name has.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const here = dirname(fileURLToPath(import.meta.url))
const compiler = join(dirname(require.resolve('typescript/package.json')), require('typescript/package.json').bin.tsc)

for (const [project, module] of [
  ['tsconfig.json'],
  ['tsconfig.esm.json', 'dist/esm'],
  ['tsconfig.alias-cjs.json', 'alias/dist/cjs'],
  ['tsconfig.alias.json', 'alias/dist/esm'],
]) {
  execFileSync(process.execPath, [compiler, '-p', join(here, project)], { stdio: 'inherit' })
  // A folder's own package.json says what its files are.
  const type = module?.endsWith('esm') ? 'module' : 'commonjs'
  if (module) writeFileSync(join(here, module, 'package.json'), `{ "type": "${type}" }\n`)
}
