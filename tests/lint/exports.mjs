// What can be required of the npm package can be imported, at each of its entry points, and the other way round; and types are there.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const root = new URL('../../npm/', import.meta.url)
const { exports, typesVersions } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const require = createRequire(import.meta.url)

const names = value => Object.keys(value).filter(name => !['default', '__esModule', 'module.exports'].includes(name)).sort()
const problems = []

for (const [entry, conditions] of Object.entries(exports)) {
  if (typeof conditions === 'string') continue
  const { require: own, ...others } = conditions
  // Compilers that don't know exports find the types by this.
  const older = typesVersions['*'][entry.slice(2)] ?? []
  if (entry !== '.' && older[0] !== own.types) problems.push(`${entry}: typesVersions must have ${own.types}`)
  const required = names(require(new URL(own.default, root).pathname))
  for (const [condition, files] of Object.entries(others)) {
    const imported = names(await import(new URL(files.default, root)))
    problems.push(
      ...required.filter(name => !imported.includes(name)).map(name => `${entry}: ${name} can be required, but not imported (${condition})`),
      ...imported.filter(name => !required.includes(name)).map(name => `${entry}: ${name} can be imported (${condition}), but not required`),
    )
  }
  for (const { types } of Object.values(conditions)) if (!existsSync(new URL(types, root))) problems.push(`${entry}: there is no ${types}`)
  console.log(`${entry}: ${required.join(', ')}`)
}
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
