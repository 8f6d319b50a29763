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
  const there = present.length === 0 ? 'none' : present.map(name => name.split('.')[1]).join(', ')
  return (
    `no native addon of ssecast could be loaded for ${platform}-${arch}${libc ?? ''} (Node.js ${process.versions.node}); ` +
    `this installation has: ${there}. To build one, with Rust: clone https://github.com/ssecast/ssecast, run \`make build\`, and ` +
    'install its folder npm/. ssecast/parser, ssecast/client and ssecast/eventsource-parser work without one.'
  )
}
