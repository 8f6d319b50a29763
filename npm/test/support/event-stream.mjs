/** Reads an event stream by the rules of the specification, one chunk after the other. */
export class EventStream {
  /** What a client's handlers would get: `{ event, data, id }`, of which `id` is the last event ID at that moment. */
  events = []
  comments = []
  retries = []
  /** It outlives connections: a client that comes back begins with the one that it came with. */
  lastEventId
  /** Everything as it came. */
  text = ''

  #decoder = new TextDecoder()
  #rest = ''
  #event = ''
  #data = []
  #id

  constructor(lastEventId = '') {
    this.lastEventId = this.#id = lastEventId
  }

  feed(chunk) {
    const text = this.#decoder.decode(chunk, { stream: true })
    this.text += text
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop()
    for (const line of lines) this.#line(line)
  }

  #line(line) {
    if (line === '') return this.#dispatch()
    const [, name, value] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line)
    if (line.startsWith(':')) this.comments.push(value)
    else if (name === 'event') this.#event = value
    else if (name === 'data') this.#data.push(value)
    else if (name === 'id' && !value.includes('\0')) this.#id = value
    else if (name === 'retry' && /^[0-9]+$/.test(value)) this.retries.push(Number(value))
  }

  #dispatch() {
    this.lastEventId = this.#id
    if (this.#data.length > 0) {
      this.events.push({ event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id })
    }
    this.#event = ''
    this.#data = []
  }

  /** The data of the events of one type, or of all but resets. */
  data(type) {
    const chosen = this.events.filter(({ event }) => (type ? event === type : event !== 'reset'))
    return chosen.map(({ data }) => data)
  }

  /** What the reset events say. */
  get resets() {
    return this.data('reset').map(data => JSON.parse(data))
  }
}
