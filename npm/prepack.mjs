// Before `npm pack` and `npm publish`: what was not built is not packed, and the licences of the repository are put beside it.
import { copyFileSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

// The folder of the package that is packed: this one, or alias/.
const folder = process.cwd()
const alias = existsSync(join(folder, '../prepack.mjs'))
const root = join(folder, alias ? '../..' : '..')

const missing = []
if (!existsSync(join(folder, alias ? 'dist/esm/package.json' : 'dist/index.js'))) missing.push('dist/, the compiled TypeScript')
if (!alias && !readdirSync(folder).some(name => name.endsWith('.node'))) missing.push('ssecast.*.node, the addon')
if (missing.length > 0) {
  console.error(`this package was not built: it lacks ${missing.join(' and ')}. Run \`make build\` in the repository first.`)
  process.exit(1)
}
for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(join(root, name), join(folder, name))
