// A client that can stop reading, which the EventSource of a page can't.
import { get } from 'node:http'

/** Reads numbered events, remembers the last event ID, and reconnects with it, as an EventSource does. */
export class SlowClient {
  #url
  #request
  #response
  #lastEventId = ''
  #last = 0
  #report = { state: 'closed', received: 0, lost: 0, lastEventId: '' }

  constructor(url) {
    this.#url = url
  }

  /** Connects, unless it is connected or stalled. */
  open() {
    if (this.#request || this.#report.state === 'stalled') return
    const headers = this.#lastEventId ? { 'Last-Event-ID': this.#lastEventId } : {}
    const connectedAt = Date.now()
    const resumed = this.#lastEventId && { at: connectedAt, from: this.#lastEventId, replayed: 0, lost: 0, reset: null }
    if (resumed) this.#report.resumed = resumed
    this.#request = get(this.#url, { headers }, response => {
      this.#response = response
      this.#report.state = 'reading'
      let text = ''
      response.setEncoding('utf8').on('data', chunk => {
        const blocks = (text + chunk).split('\n\n')
        text = blocks.pop()
        for (const block of blocks) this.#take(block, resumed)
      })
    })
    // Cut off: the next one resumes, as soon as this client reads again.
    this.#request.on('error', () => {}).on('close', () => {
      this.#request = this.#response = undefined
      if (this.#report.state === 'reading') this.#report.state = 'closed'
    })
  }

  /** Stops reading. What is sent to it fills the buffers of the system, and then lags behind. */
  stall() {
    this.#response?.pause()
    this.#report = { ...this.#report, state: 'stalled', stalledAt: Date.now(), resumed: undefined }
    return this.#report
  }

  /** Reads on: first what the system still has for it; then, if it was cut off, it reconnects and resumes. */
  read() {
    this.#report.state = this.#response ? 'reading' : 'closed'
    this.#response?.resume()
    return this.#report
  }

  /** Leaves, and forgets everything. */
  close() {
    this.#request?.destroy()
    this.#lastEventId = ''
    this.#last = 0
    this.#report = { state: 'closed', received: 0, lost: 0, lastEventId: '' }
  }

  /** How it is doing: for the page. */
  report() {
    return { ...this.#report, lastEventId: this.#lastEventId }
  }

  #take(block, resumed) {
    const fields = Object.fromEntries(block.split('\n').map(line => line.split(/: ?(.*)/s, 2)))
    if (fields.id !== undefined) this.#lastEventId = fields.id
    if (fields.data === undefined) return
    const data = JSON.parse(fields.data)
    if (fields.event === 'reset') {
      if (resumed) resumed.reset = data
      return
    }
    if (fields.event !== 'block') return
    const lost = this.#last && data.n - this.#last - 1
    this.#last = data.n
    this.#report.received++
    this.#report.lost += lost
    if (!resumed) return
    resumed.lost += lost
    if (data.at < resumed.at) resumed.replayed++
  }
}
