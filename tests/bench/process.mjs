import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const running = new Set()
process.on('exit', () => running.forEach(child => child.kill('SIGKILL')))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1))

/** Nothing that is asked takes longer, unless it says so. */
const PATIENCE_MS = 30_000

/** How many ticks /proc counts a second. */
const TICKS = 100
const PAGE = 4096

/** A process of the bench: a line goes in, a line of JSON comes out. It ends with its input. */
export class Process {
  #child
  #lines
  #name
  #measured

  constructor(command, ...args) {
    this.#name = [command, ...args].join(' ')
    this.#child = spawn(command, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
    this.#child.stdin.on('error', () => {})
    running.add(this.#child)
    this.#measured = [this.#child.pid]
    this.#child.on('exit', () => running.delete(this.#child))
  }

  /** Waits for the next answer. */
  async answer(patience = PATIENCE_MS) {
    let timer
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.#name} does not answer`)), patience)
    })
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late])
      if (done) throw new Error(`${this.#name} ended`)
      return JSON.parse(value)
    } finally {
      clearTimeout(timer)
    }
  }

  ask(line, patience) {
    this.#child.stdin.write(`${line}\n`)
    return this.answer(patience)
  }

  /** Measures another process instead, which this one has started, and which does its work. */
  measure(pid) {
    this.#measured = [pid]
  }

  /** Measures them too. */
  measureToo(...pids) {
    this.#measured.push(...pids)
  }

  /** Processor time of all its threads so far, in microseconds. */
  cpu() {
    const ticks = pid => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
      return Number(fields[11]) + Number(fields[12])
    }
    return (sum(this.#measured.map(ticks)) * 1e6) / TICKS
  }

  /** Resident memory in bytes. */
  rss() {
    return sum(this.#measured.map(pid => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]))) * PAGE
  }

  get pid() {
    return this.#child.pid
  }

  /** Lets it end by itself. */
  close() {
    const ended = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.stdin.end()
    return ended
  }

  end() {
    if (!running.has(this.#child)) return
    const ended = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    return ended
  }
}

function sum(numbers) {
  return numbers.reduce((one, other) => one + other, 0)
}
