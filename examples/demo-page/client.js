// One card: a native EventSource, and the proof that it got everything. Where the browser has no connection left, it is ssecast's client,
// which shares one with the other tabs.
import { Series } from './series.js'

const LOG_LINES = 5
/** More of an event's data is not shown: a large one would have to be laid out anew with every tick. */
const TEXT_LENGTH = 200
const template = document.querySelector('#card')

export class Client {
  #source
  #card
  #parts
  #series = new Series()
  #received = 0
  #lost = 0
  #lastEventId = ''
  #ticks = []
  #others = []
  #types = new Set()
  #isClosed = false
  #slot
  #shares = ''
  #onEvent
  #cut
  #dirty = true
  /** The longest time from publication to arrival since it was last asked for, in milliseconds. */
  #delay = 0

  constructor({ name, id, slots, SharedEventSource, topics, types, onEvent, onCut, onLeave }) {
    this.name = name
    this.id = id
    this.#onEvent = onEvent
    this.#card = template.content.firstElementChild.cloneNode(true)
    const part = selector => this.#card.querySelector(selector)
    this.#parts = {
      state: part('.pill'), received: part('.received'), proof: part('.proof'), proofText: part('.proof span'),
      last: part('.last'), log: part('.log'), note: part('.note'), cut: part('.cut'), origin: part('.origin'), served: part('.served'), worker: part('.worker'),
    }
    part('h3').textContent = name
    this.#parts.cut.addEventListener('click', () => onCut(this))
    part('.leave').addEventListener('click', () => onLeave(this))
    for (const verb of ['cut', 'leave']) part(`.${verb}`).setAttribute('aria-label', `${part(`.${verb}`).textContent} ${name}`)

    this.#connect(slots, SharedEventSource, topics, types)
  }

  async #connect(slots, SharedEventSource, topics, types) {
    const full = `The ${slots.count} connections that this browser has for cards are in use, in all of its tabs.`
    this.#slot = await slots.take()
    while (!this.#slot && !SharedEventSource && !this.#isClosed) {
      this.#note(`${full} Close a card or a tab, and this one connects.`)
      await new Promise(resolve => setTimeout(resolve, 500))
      this.#slot = await slots.take()
    }
    if (this.#isClosed) return this.#slot?.release()
    const origin = this.#slot?.origin ?? location.origin
    if (!this.#slot) {
      this.id = 'shared'
      this.#shares = `${full} This card shares one more with the other tabs, by ssecast’s client. `
    }
    this.#note('Connecting.')
    this.#parts.origin.textContent = new URL(origin).host
    const url = `${origin}/stream?client=${this.id}&topics=${topics}`
    this.#source = this.#slot ? new EventSource(url) : new SharedEventSource(url, { shared: true })
    this.#source.addEventListener('open', () => this.#opened())
    this.#source.addEventListener('error', () => this.#failed())
    this.#source.addEventListener('tick', event => this.#tick(event))
    this.#source.addEventListener('reset', event => this.#reset(event))
    this.#source.addEventListener('worker', event => this.#served(JSON.parse(event.data)))
    for (const type of types) this.listen(type)
  }

  get element() {
    return this.#card
  }

  get whole() {
    return this.#series.whole && this.#lost === 0
  }

  get open() {
    return this.#source?.readyState === EventSource.OPEN
  }

  takeDelay() {
    const delay = this.#delay
    this.#delay = 0
    return delay
  }

  /** Shows events of a type, which is none of the demo's own. An EventSource has no way to ask for all types. */
  listen(type) {
    if (!this.#source || this.#types.has(type)) return
    this.#types.add(type)
    this.#source.addEventListener(type, event => {
      this.#took(event)
      const text = event.data.slice(0, TEXT_LENGTH)
      this.#write(type, text)
      this.#onEvent(this, { id: event.lastEventId, type, text })
    })
  }

  close() {
    this.#isClosed = true
    this.#source?.close()
    this.#slot?.release()
    this.#card.remove()
  }

  /** Shows what came since the last time: at most once for each frame. */
  show() {
    if (!this.#dirty) return
    this.#dirty = false
    const { state, received, proof, proofText, last, log, cut } = this.#parts
    state.dataset.state = ['connecting', 'open', 'closed'][this.#source?.readyState ?? 0]
    state.textContent = this.#source ? state.dataset.state : 'waiting'
    cut.disabled = !this.open
    received.textContent = this.#received.toLocaleString('en')
    last.textContent = this.#lastEventId || 'none yet'
    const { received: n, expected, doubled } = this.#series
    const wrong = [this.#lost && `${this.#lost} lost`, doubled && `${doubled} doubled`].filter(Boolean)
    proof.dataset.ok = String(this.whole)
    proofText.textContent = [`gap-free: ${n.toLocaleString('en')} of ${expected.toLocaleString('en')}`, ...wrong].join(', ')
    log.replaceChildren(...this.#latest().map(({ type, text }) => {
      const line = document.createElement('li')
      line.className = type === 'tick' || type === 'reset' ? type : 'own'
      const cell = (tag, text) => Object.assign(document.createElement(tag), { textContent: text })
      line.append(cell('b', type), cell('span', text))
      return line
    }))
  }

  #opened() {
    this.#dirty = true
    if (this.#cut) this.#cut.openedAt = Date.now()
    else this.#note(`${this.#shares}Connected.`)
  }

  /** A server with several processes says which one this connection is with. */
  #served({ number, pid }) {
    this.#parts.served.hidden = false
    this.#parts.worker.textContent = `server ${number} (process ${pid})`
  }

  #failed() {
    this.#dirty = true
    if (this.#source.readyState === EventSource.CLOSED) return this.#note('Refused by the server. Close it and add another.')
    this.#cut ??= { from: this.#lastEventId, at: Date.now(), replayed: 0, lost: 0 }
    this.#note('Cut off. It will come back with its last event ID.')
  }

  #tick(event) {
    const { n, at } = JSON.parse(event.data)
    const lost = this.#series.take(n)
    this.#lost += lost
    this.#took(event)
    this.#write('tick', `n = ${n.toLocaleString('en')}`)
    const cut = this.#cut
    if (!cut) {
      this.#delay = Math.max(this.#delay, Date.now() - at)
      return
    }
    // What was published before the connection opened again is the replay; what comes then is live.
    cut.lost += lost
    if (at < cut.openedAt) cut.replayed++
    else this.#resumed()
  }

  #resumed() {
    const { from, openedAt, at, replayed, lost } = this.#cut
    this.#cut = undefined
    const seconds = ((openedAt - at) / 1000).toFixed(1)
    const count = Object.assign(document.createElement('b'), { textContent: `${lost} lost`, className: lost ? 'bad' : '' })
    this.#note(`Resumed at ${from} after ${seconds} s: ${replayed.toLocaleString('en')} replayed, `, count, '.')
  }

  /** The server says that it can't continue exactly where this client was. */
  #reset(event) {
    this.#took(event)
    const { reason, missed } = JSON.parse(event.data)
    this.#series.restart()
    this.#cut = undefined
    const what = { epoch: 'the server restarted', expired: 'the history is shorter', unknown: 'the server doesn’t know the ID', lagged: 'the client was too slow' }
    this.#write('reset', `${reason}: ${missed ?? 'unknown'} missed`)
    this.#note(`Reset: ${what[reason]}, and the event says so. The count begins anew.`)
  }

  #took(event) {
    this.#received++
    this.#lastEventId = event.lastEventId
    this.#dirty = true
  }

  #write(type, text) {
    const log = type === 'tick' ? this.#ticks : this.#others
    log.unshift({ type, text })
    log.length = Math.min(log.length, type === 'tick' ? LOG_LINES : 2)
  }

  /** The latest events, with a place kept for those that aren't ticks: else the ticks would push them out of sight. */
  #latest() {
    return [...this.#ticks.slice(0, LOG_LINES - this.#others.length), ...this.#others]
  }

  #note(...parts) {
    this.#parts.note.replaceChildren(...parts)
  }
}
