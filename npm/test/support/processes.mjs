import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * Starts a program of Node's; it ends with the test at the latest.
 *
 * @param {string[]} parameters of the node command
 * @param {{ env?: object, cwd?: string, command?: string[] }} options `command` runs the node command
 * @returns the child process, with `output`, what it has printed so far, and `exited`, a promise of its exit code
 */
export function start(t, parameters, { env, cwd, command = [] } = {}) {
  const [program, ...rest] = [...command, process.execPath, ...parameters]
  const child = spawn(program, rest, {
    cwd,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc']
  })
  child.output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (child.output += text))
  // At `exit`, some of its output may still be on its way.
  child.exited = once(child, 'close').then(([code, signal]) => code ?? signal)
  t.after(() => child.kill('SIGKILL') && child.exited)
  return child
}

/** Starts a server program on a free port; gives the child process, with the `url` of its server. */
export async function startServer(t, program) {
  const preload = new URL('report-port.mjs', import.meta.url).href
  const child = start(t, ['--import', preload, fileURLToPath(program)], { env: { PORT: '0' } })
  const [{ port }] = await Promise.race([
    once(child, 'message'),
    child.exited.then(code => Promise.reject(new Error(`exited with ${code}: ${child.output}`)))
  ])
  return Object.assign(child, { url: `http://127.0.0.1:${port}` })
}
