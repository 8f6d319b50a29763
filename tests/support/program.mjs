// Runs a server program as it is, in a process of its own.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const anyPort = fileURLToPath(new URL('any-port.cjs', import.meta.url))

/**
 * Starts the program on a free port: `{ port, child, stop }`. Its environment says `PORT` for what it prints. One that
 * keeps the port that it asks for may be of another language.
 */
export async function start(path, { env = {}, keepPort = false, execPath = process.execPath } = {}) {
  const child = fork(path, [], {
    execPath,
    execArgv: keepPort ? [] : ['--require', anyPort],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const exit = once(child, 'exit')
  const stop = async (signal = 'SIGTERM') => {
    child.kill(signal)
    const [code, by] = await exit
    return { code, signal: by }
  }
  const early = exit.then(([code, signal]) => {
    throw new Error(`${path} ended before it listened (${signal ?? code})`)
  })
  early.catch(() => {})
  if (keepPort) return { child, stop, early }
  const [port] = await Promise.race([once(child, 'message'), early])
  return { child, stop, port }
}
