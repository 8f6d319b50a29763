// A client that reads a stream of numbered events, whichever process serves it, and remembers what it was told. It has a
// parser of its own, which trusts nothing.
import { get } from 'node:http'

export class Client {
  /** What came, in its order: `{ id, topic, data }` for an event, `{ id, reset }` for a reset. */
  seen = []
  topics
  #lastEventId = ''
  #request
  #timer
  #port
  #topicOf
  #lasts = new Map()

  /** Asks for the port of a process, each time that it connects; `topicOf` tells an event's topic by its data. */
  constructor(topics, port, topicOf) {
    this.topics = topics
    this.#port = port
    this.#topicOf = topicOf
    this.#connect()
  }

  /** The id of the last event of a topic. */
  lastOf(topic) {
    return this.#lasts.get(topic)
  }

  #connect() {
    const port = this.#port()
    if (!port) return this.#later()
    const query = this.topics.map(topic => `topic=${topic}`).join('&')
    const headers = this.#lastEventId ? { 'Last-Event-ID': this.#lastEventId } : {}
    const request = get({ host: '127.0.0.1', port, path: `/?${query}`, headers, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => {
        // What is cut off is forgotten, as what comes after it is.
        if (request !== this.#request) return
        const blocks = (text + chunk).split('\n\n')
        text = blocks.pop()
        for (const block of blocks) this.#take(block)
      })
      if (response.statusCode !== 200) request.destroy()
    })
    request.on('error', () => {}).on('close', () => request === this.#request && this.#later())
    this.#request = request
  }

  #later() {
    this.#timer = setTimeout(() => this.#connect(), 10)
  }

  #take(block) {
    const fields = Object.fromEntries(block.split('\n').map(line => line.split(/: ?(.*)/s, 2)))
    if (fields.id !== undefined) this.#lastEventId = fields.id
    if (fields.data === undefined) return
    const data = JSON.parse(fields.data)
    const isReset = fields.event === 'reset'
    if (!isReset) this.#lasts.set(this.#topicOf(data), fields.id)
    this.seen.push({ id: this.#lastEventId, ...(isReset ? { reset: data } : { data }) })
  }

  /** Drops the connection, wherever it is in an event. */
  cut() {
    this.#request?.destroy()
  }

  /** Takes nothing for a while. */
  stall(ms) {
    const socket = this.#request?.socket
    socket?.pause()
    setTimeout(() => socket?.resume(), ms)
  }

  close() {
    clearTimeout(this.#timer)
    const request = this.#request
    this.#request = undefined
    request?.destroy()
  }
}
