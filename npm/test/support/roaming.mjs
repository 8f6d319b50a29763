import { join } from './client.mjs'

/** A client that comes back whenever its stream has ended, with the last event ID that it has, as a browser does. */
export class Roaming {
  /** What it got over all of its connections. */
  events = []
  lastEventId = ''
  connections = 0
  #url
  #client
  #isDone = false

  constructor(url) {
    this.#url = url
  }

  async start() {
    await this.#connect()
    return this
  }

  /** Loses its connection. */
  cut() {
    this.#client.cut()
  }

  leave() {
    this.#isDone = true
    this.cut()
  }

  get data() {
    return this.events.map(({ data }) => data)
  }

  async #connect() {
    const client = await this.#join()
    if (!client) return
    this.#client = client
    this.connections++
    const own = client.events
    // Every event goes to one list, whichever connection it came by.
    client.events = this.events
    own.forEach(event => this.events.push(event))
    this.#ended(client)
  }

  async #ended(client) {
    await client.over
    this.lastEventId = client.lastEventId
    if (!this.#isDone) await this.#connect()
  }

  async #join() {
    while (!this.#isDone) {
      const stop = new AbortController()
      // The primary process of a cluster never closes a connection that it was handing to a worker when that was killed.
      const patience = setTimeout(() => stop.abort(), 1000)
      try {
        return await join(this.#url, { lastEventId: this.lastEventId, signal: stop.signal })
      } catch (error) {
        // Its server is being replaced.
        if (!['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ABORT_ERR'].includes(error.code)) throw error
      } finally {
        clearTimeout(patience)
      }
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
}
