// There is one version, in the workspace manifest. Everything else that states one states the same.
import { existsSync, readFileSync } from 'node:fs'

const root = new URL('../../', import.meta.url)
const read = path => readFileSync(new URL(path, root), 'utf8')
const section = (toml, name) => toml.split(/^(?=\[)/m).find(part => part.startsWith(`[${name}]`)) ?? ''

const manifest = read('Cargo.toml')
const version = /^version = "(.+)"$/m.exec(section(manifest, 'workspace.package'))?.[1]
const stated = new Map()

for (const [, crate, found] of section(manifest, 'workspace.dependencies').matchAll(
  /^(ssecast[\w-]*) = \{ path = .*version = "(.+?)"/gm,
)) {
  stated.set(`Cargo.toml, ${crate}`, found)
}
for (const path of ['npm/package.json', 'npm/package-lock.json', 'npm/alias/package.json']) stated.set(path, JSON.parse(read(path)).version)
stated.set('CHANGELOG.md, the newest heading', /^## \[(\d.+?)\]/m.exec(read('CHANGELOG.md'))?.[1])
stated.set('bindings/java/pom.xml', /<version>(.+?)<\/version>/.exec(read('bindings/java/pom.xml'))?.[1])

// The Python package takes its version from Cargo, unless it states one; the header states it in three macros.
if (existsSync(new URL('python/pyproject.toml', root))) {
  const project = section(read('python/pyproject.toml'), 'project')
  const found = /^version = "(.+)"$/m.exec(project)?.[1]
  if (found) stated.set('python/pyproject.toml', found)
}
if (existsSync(new URL('include/ssecast.h', root))) {
  const header = read('include/ssecast.h')
  const parts = ['MAJOR', 'MINOR', 'PATCH'].map(part => new RegExp(`SSECAST_VERSION_${part} (\\d+)`).exec(header)?.[1])
  stated.set('include/ssecast.h', parts.join('.'))
}

const wrong = [...stated].filter(([, found]) => found !== version)
for (const [where, found] of wrong) console.error(`${where}: version ${found}, and the workspace has ${version}`)
if (wrong.length > 0) process.exit(1)
console.log(`version ${version}, the same in ${stated.size} more places`)
