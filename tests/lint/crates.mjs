// Which crate may stand on which. The arrows never point back: codec ← hub ← engine ← listener ← ssecast ← bindings.
// Nor do those between the modules of a crate.
import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { circlesOf, usesOf } from './circles.mjs'

const LAYERS = {
  'ssecast-codec': [],
  'ssecast-client': ['ssecast-codec'],
  'ssecast-hub': ['ssecast-codec'],
  'ssecast-store-file': ['ssecast-hub'],
  'ssecast-store-redis': ['ssecast-hub'],
  'ssecast-engine': ['ssecast-codec', 'ssecast-hub'],
  'ssecast-listener': ['ssecast-engine', 'ssecast-hub'],
  ssecast: [
    'ssecast-client',
    'ssecast-codec',
    'ssecast-engine',
    'ssecast-hub',
    'ssecast-listener',
    'ssecast-store-file',
    'ssecast-store-redis',
  ],
  'ssecast-node': ['ssecast'],
  // The client's state machine alone: the façade would bring an HTTP library, and C and Python have their own.
  'ssecast-c': ['ssecast', 'ssecast-client'],
  'ssecast-python': ['ssecast', 'ssecast-client'],
  'ssecast-c-header': [],
}

const metadata = JSON.parse(
  execFileSync('cargo', ['metadata', '--no-deps', '--locked', '--format-version', '1'], { encoding: 'utf8', maxBuffer: 1 << 26 }),
)
const problems = []
let modules = 0
for (const { name, dependencies, manifest_path } of metadata.packages) {
  if (!LAYERS[name]) problems.push(`${name}: tests/lint/crates.mjs does not say what it may stand on`)
  for (const { name: other, kind } of dependencies) {
    if (other in LAYERS && kind !== 'dev' && !LAYERS[name]?.includes(other)) problems.push(`${name} must not depend on ${other}`)
  }
  const uses = usesOf(join(dirname(manifest_path), 'src'))
  for (const circle of circlesOf(uses)) problems.push(`${name}: these modules use each other: ${circle.join(', ')}`)
  modules += uses.size
}
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
console.log(`${metadata.packages.length} crates, ${modules} modules, and no arrow that points back`)
