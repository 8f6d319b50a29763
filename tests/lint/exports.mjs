// The two entry points of the npm package, and their types, export the same names.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const root = new URL('../../npm/', import.meta.url)
const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const entries = exports['.']

const names = value => Object.keys(value).filter(name => !['default', '__esModule', 'module.exports'].includes(name)).sort()
const required = names(createRequire(import.meta.url)(new URL(entries.require.default, root).pathname))
const imported = names(await import(new URL(entries.import.default, root)))

const missing = [
  ...required.filter(name => !imported.includes(name)).map(name => `${name} can be required but not imported`),
  ...imported.filter(name => !required.includes(name)).map(name => `${name} can be imported but not required`),
]
for (const problem of missing) console.error(problem)
if (missing.length > 0) process.exit(1)
console.log(`exports: ${required.join(', ')}, both required and imported`)
