import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const path = relative => fileURLToPath(new URL(relative, import.meta.url))
const COMMANDS = {
  node: [process.execPath, path('worker.mjs')],
  python: [path('../../python/.venv/bin/python'), path('worker.py')],
}

/** Whether a language's package is there. */
export function isBuilt(language) {
  return existsSync(COMMANDS[language][0])
}

/** A process that publishes and serves. */
export class Worker {
  language
  /** Where it listens, while it is not stopped. */
  port
  listening
  #process
  #stopped
  #resuming

  /** Tells `on` of its publications: `publishing(n)`, and what became of it, `published(n, id)` or `refused(n)`. */
  constructor(language, variables, on) {
    this.language = language
    const [command, ...args] = COMMANDS[language]
    this.#process = spawn(command, args, { env: { ...process.env, ...variables }, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.stdin.on('error', () => {})
    const lines = createInterface(this.#process.stdout)
    const word = (wanted, take) =>
      new Promise((resolve, reject) => {
        lines.on('line', line => {
          const [first, ...rest] = line.split(' ')
          if (first === wanted) resolve(take(...rest))
        })
        this.#process.on('close', () => reject(new Error(`a ${language} process ended before it was ${wanted}`)))
      })
    this.listening = word('listening', port => (this.port = Number(port)))
    this.#stopped = word('stopped', () => {})
    // One that is killed says neither.
    for (const promise of [this.listening, this.#stopped]) promise.catch(() => {})
    lines.on('line', line => {
      const [what, n, id] = line.split(' ')
      if (what === 'publishing') on.publishing(Number(n))
      if (what === 'published') on.published(Number(n), id)
      if (what === 'refused') on.refused(Number(n))
    })
  }

  /** Stops it as a debugger does, and lets it go on after a time. */
  pause(ms) {
    if (!this.port || this.#resuming) return
    this.#process.kill('SIGSTOP')
    this.#resuming = setTimeout(() => this.resume(), ms)
  }

  resume() {
    clearTimeout(this.#resuming)
    this.#resuming = undefined
    this.#process.kill('SIGCONT')
  }

  /** Resolves once it has published its last event. */
  async stopPublishing() {
    await this.listening
    this.#process.stdin.write('stop\n')
    await this.#stopped
  }

  /** Kills it, and resolves once it has ended and all that it printed was read. */
  async kill() {
    clearTimeout(this.#resuming)
    this.port = undefined
    const closed = once(this.#process, 'close')
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL')
    await closed
  }
}
