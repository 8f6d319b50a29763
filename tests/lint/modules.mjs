// The npm package's modules import each other in one direction, types included; and what runs without the addon does not reach it.
// madge and dependency-cruiser read TypeScript by the compiler's JavaScript API, which TypeScript 7 does not have.
import { readdirSync, readFileSync } from 'node:fs'
import { join, normalize, dirname } from 'node:path'

const root = new URL('../../npm/src/', import.meta.url).pathname
/** These run where there is no addon. */
const WITHOUT_ADDON = ['parser/index.ts', 'client/index.ts', 'eventsource-parser/index.ts']

const files = readdirSync(root, { recursive: true }).filter(name => name.endsWith('.ts'))
const importsOf = file => {
  const source = readFileSync(join(root, file), 'utf8')
  const specifiers = [...source.matchAll(/(?:\bfrom|\bimport\(?|\brequire\()\s*'(\.[^']+)'/g)]
  return specifiers.map(([, specifier]) => normalize(join(dirname(file), specifier)).replace(/\.js$/, '.ts'))
}
const imports = new Map(files.map(file => [file, importsOf(file)]))

/** Follows the imports of a module, and notes each that leads back. */
const problems = []
const done = new Set()
function visit(file, path) {
  if (path.includes(file)) return problems.push(`a circle: ${[...path.slice(path.indexOf(file)), file].join(' → ')}`)
  if (done.has(file)) return
  for (const other of imports.get(file) ?? []) visit(other, [...path, file])
  done.add(file)
}
files.forEach(file => visit(file, []))

function reached(file, seen = new Set()) {
  if (!seen.has(file)) {
    seen.add(file)
    for (const other of imports.get(file) ?? []) reached(other, seen)
  }
  return seen
}
for (const entry of WITHOUT_ADDON) {
  if (!imports.has(entry)) problems.push(`${entry} is not there`)
  if (reached(entry).has('addon.ts')) problems.push(`${entry} must not import the addon`)
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
console.log(`${files.length} modules, ${[...imports.values()].flat().length} imports, no circle`)
