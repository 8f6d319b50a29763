import type * as Native from '../native.cjs'

let loaded: typeof Native | undefined

/** The addon. It is loaded on first use, so that a program which only parses runs on a platform without one. */
export function addon(): typeof Native {
  return (loaded ??= load())
}

function load(): typeof Native {
  try {
    return require('../native.cjs') as typeof Native
  } catch (cause) {
    throw new Error(problem(), { cause })
  }
}

/** Why there is none, and what to do. The loader's own words, which are in the cause, blame npm. */
function problem(): string {
  const { platform, arch } = process
  const header = platform === 'linux' ? (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header : undefined
  const libc = header && (header.glibcVersionRuntime ? `, glibc ${header.glibcVersionRuntime}` : ', musl')
  const { readdirSync } = require('node:fs') as typeof import('node:fs')
  const { join } = require('node:path') as typeof import('node:path')
  const present = readdirSync(join(__dirname, '..')).filter(name => name.endsWith('.node'))
  const { optionalDependencies = {} } = require('../package.json') as { optionalDependencies?: Record<string, string> }
  const packages = Object.keys(optionalDependencies)
  const there = [...present, ...packages.filter(isInstalled)]
  const again =
    packages.length > 0
      ? `There are the packages ${packages.join(', ')}: if this platform's is among them and is not installed, a lockfile of another ` +
        'platform or --omit=optional left it out; remove both and node_modules, and install again. '
      : ''
  return (
    `no native addon of ssecast could be loaded for ${platform}-${arch}${libc ?? ''} (Node.js ${process.versions.node}); ` +
    `this installation has: ${there.join(', ') || 'none'}. ${again}To build one, with Rust: clone https://github.com/ssecast/ssecast, run ` +
    '`make build`, and install its folder npm/. ssecast/parser, ssecast/client and ssecast/eventsource-parser work without one.'
  )
}

function isInstalled(name: string): boolean {
  try {
    require.resolve(name)
    return true
  } catch {
    return false
  }
}
