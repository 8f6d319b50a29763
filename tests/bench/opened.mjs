import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** Asks a server for streams, all at once, and counts those whose response has begun after a time. */
export async function opened(make, count, milliseconds) {
  const server = make()
  const agent = new Agent({ maxSockets: Infinity })
  let open = 0
  try {
    const { port } = await server.answer()
    for (let asked = 0; asked < count; asked++) {
      get({ host: '127.0.0.1', port, agent }, () => open++).on('error', () => {})
    }
    await sleep(milliseconds)
    return open
  } finally {
    agent.destroy()
    await server.end()
  }
}
