// Starts the scripted server for a test of Node's.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const path = name => fileURLToPath(new URL(name, import.meta.url))

export const scenarios = JSON.parse(readFileSync(path('scenarios.json'), 'utf8'))
/** Its own authority: what a runtime is told to trust. */
export const certificate = path('../../npm/test/support/localhost.pem')

/** The ports of a server that ends with the test. */
export async function startServer(t) {
  const server = spawn(process.execPath, [path('server.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => server.stdin.end())
  const [line] = await once(server.stdout, 'data')
  return JSON.parse(line)
}
