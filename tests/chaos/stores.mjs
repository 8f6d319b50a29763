import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const stores = {
  file: {
    async start() {
      const folder = mkdtempSync(join(tmpdir(), 'ssecast-chaos-'))
      return {
        url: pathToFileURL(folder).href,
        /** What a file store refuses, it does not have. */
        refusalIsCertain: true,
        actions: {},
        stop: async () => rmSync(folder, { recursive: true, force: true }),
      }
    },
  },
  redis: {
    async start(dice) {
      const folder = mkdtempSync(join(tmpdir(), 'ssecast-chaos-redis-'))
      const program = execFileSync('sh', [fileURLToPath(new URL('../redis/provide.sh', import.meta.url))], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
      const port = await freePort()
      const server = new Server(program, folder, port)
      await server.begin()
      return {
        url: `redis://127.0.0.1:${port}`,
        /** One whose answer was lost may be there all the same. */
        refusalIsCertain: false,
        actions: {
          'cut Redis off': () => server.command('CLIENT KILL TYPE normal'),
          'stop Redis': () => server.pause(100 + dice.below(1400)),
          'restart Redis': () => server.restart(),
          'empty Redis': () => server.command('FLUSHALL'),
        },
        settle: () => server.command('PING'),
        async stop() {
          await server.end()
          rmSync(folder, { recursive: true, force: true })
        },
      }
    },
  },
}

/** A server of Redis that has on its disk what it has acknowledged. */
class Server {
  #command
  #port
  #process

  constructor(program, folder, port) {
    this.#port = port
    const persistence = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '']
    this.#command = [program, '--port', port, '--bind', '127.0.0.1', '--dir', folder, '--loglevel', 'warning', ...persistence].map(String)
  }

  async begin() {
    this.#process = spawn(this.#command[0], this.#command.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] })
    await this.command('PING')
  }

  async restart() {
    await this.end()
    await this.begin()
  }

  async pause(ms) {
    this.#process.kill('SIGSTOP')
    await sleep(ms)
    this.#process.kill('SIGCONT')
  }

  async end() {
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }

  /** Has the server do something, once it answers. */
  async command(text) {
    for (const end = Date.now() + 10_000; ; await sleep(20)) {
      const answer = await ask(this.#port, text).catch(() => '-')
      if (!answer.startsWith('-')) return
      if (Date.now() > end) throw new Error(`Redis does not answer ${text}: ${answer}`)
    }
  }
}

/** One line to a server, and its answer. */
async function ask(port, text) {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.setTimeout(2000, () => socket.destroy(new Error('no answer')))
    socket.write(`${text}\r\n`)
    const [answer] = await once(socket, 'data')
    return String(answer)
  } finally {
    socket.destroy()
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
