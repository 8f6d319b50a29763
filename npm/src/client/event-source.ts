import { SsecastError } from '../error.js'
import { connect, type Connection, type Entry, type Listener } from './connection.js'
import { EventSourceErrorEvent, StreamEvent } from './events.js'
import type { Loss } from './loss.js'
import { type EventSourceOptions, type Settings, settingsOf } from './options.js'
import { Reader } from './reader.js'
import type { SharedConnection } from './shared.js'

const CONNECTING = 0
const OPEN = 1
const CLOSED = 2

/** The events of a source, by their types; every other type is a `MessageEvent`. */
export interface EventSourceEventMap {
  open: Event
  message: MessageEvent<string>
  error: EventSourceErrorEvent
}

type Handler<E extends Event> = ((this: EventSource, event: E) => unknown) | null

// The types of what a class that extends EventTarget inherits.
export interface EventSource {
  addEventListener<K extends keyof EventSourceEventMap>(type: K, listener: (this: EventSource, event: EventSourceEventMap[K]) => unknown, options?: boolean | AddEventListenerOptions): void
  addEventListener(type: string, listener: (this: EventSource, event: MessageEvent<string>) => unknown, options?: boolean | AddEventListenerOptions): void
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void
  removeEventListener<K extends keyof EventSourceEventMap>(type: K, listener: (this: EventSource, event: EventSourceEventMap[K]) => unknown, options?: boolean | EventListenerOptions): void
  removeEventListener(type: string, listener: (this: EventSource, event: MessageEvent<string>) => unknown, options?: boolean | EventListenerOptions): void
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void
}

/**
 * The standard's `EventSource`, on `fetch`: for browsers, workers, Node, Deno, Bun and edge runtimes. It reconnects, and
 * resumes with the last event ID, until it is closed or the server says that there is no more.
 *
 * @throws {DOMException} `SyntaxError`, for a URL that is none.
 * @throws {SsecastError} `SSECAST_INVALID_OPTION` or `SSECAST_INVALID_ID`, whose `field` is the option.
 * @example
 * const source = new EventSource('/stream', { headers: async () => ({ Authorization: `Bearer ${await token()}` }) })
 * source.addEventListener('tick', ({ data }) => console.log(data))
 * source.onerror = ({ message, retryIn }) => console.warn(message, retryIn)
 */
export class EventSource extends EventTarget {
  declare static readonly CONNECTING: 0
  declare static readonly OPEN: 1
  declare static readonly CLOSED: 2
  declare readonly CONNECTING: 0
  declare readonly OPEN: 1
  declare readonly CLOSED: 2
  declare readonly [Symbol.toStringTag]: string

  #settings: Settings
  #readyState: 0 | 1 | 2 = CONNECTING
  #lastEventId: string
  #connection: Connection | undefined
  /** What a shared connection has to go on with. */
  #place: SharedConnection['place'] | undefined
  /** Whether the page is put away. */
  #isAway = false
  #handlers: Record<string, { value: unknown; listener: (event: Event) => void }> = {}
  #readers: Set<Reader> | undefined
  #room: (() => void) | undefined
  /** Takes back what was asked of the page and of `signal`. */
  #ended: AbortController | undefined

  constructor(url: string | URL, options: EventSourceOptions = {}) {
    super()
    if (arguments.length === 0) throw new TypeError('EventSource needs a URL')
    this.#settings = settingsOf(parse(`${url}`), options)
    const { signal, lastEventId } = this.#settings
    this.#lastEventId = lastEventId
    if (signal?.aborted) {
      this.#readyState = CLOSED
      return
    }
    if (signal || globalThis.document) this.#attend(signal)
    // Listeners of the same task miss nothing.
    queueMicrotask(() => void this.#start())
  }

  /**
   * A source of the events of one stream, such as the body of a response. It does not reconnect.
   *
   * @throws {TypeError} for a stream that is being read already.
   */
  static fromReadableStream(stream: ReadableStream<Uint8Array>): EventSource {
    const response = new Response(stream as BodyInit, { headers: { 'Content-Type': 'text/event-stream' } })
    const source = new this('about:event-stream', { fetch: async () => response })
    source.#settings.once = true
    return source
  }

  get url(): string {
    return this.#settings.url.href
  }

  get withCredentials(): boolean {
    return this.#settings.withCredentials!
  }

  /** 0, `CONNECTING`: there is no connection yet, or no longer one. 1, `OPEN`. 2, `CLOSED`: there will be none. */
  get readyState(): 0 | 1 | 2 {
    return this.#readyState
  }

  /** What the next connection resumes from; empty if there was no id. */
  get lastEventId(): string {
    return this.#lastEventId
  }

  /** The wait in milliseconds before another connection, which the stream may set; it grows while no event comes. */
  get reconnectionTime(): number {
    return this.#connection?.reconnectionTime ?? this.#settings.retry.first
  }

  get onopen(): Handler<Event> {
    return this.#handler('open')
  }
  set onopen(value: Handler<Event>) {
    this.#handle('open', value)
  }

  get onmessage(): Handler<MessageEvent<string>> {
    return this.#handler('message')
  }
  set onmessage(value: Handler<MessageEvent<string>>) {
    this.#handle('message', value)
  }

  get onerror(): Handler<EventSourceErrorEvent> {
    return this.#handler('error')
  }
  set onerror(value: Handler<EventSourceErrorEvent>) {
    this.#handle('error', value)
  }

  /** Closes the source for good: no event follows, and no timer or socket is left. */
  close(): void {
    this.#end()
    for (const reader of this.#readers ?? []) reader.close()
    this.#room?.()
  }

  /**
   * Iterates over the events of every type. While the loop is behind, no more is read. It ends when the source is closed, or
   * the server has answered 204; leaving it closes the source.
   *
   * @throws {SsecastError} `SSECAST_CLOSED`, when the server has refused.
   */
  [Symbol.asyncIterator](): AsyncGenerator<MessageEvent<string>, void, undefined> {
    const reader = new Reader()
    if (this.#readyState === CLOSED) reader.end()
    else (this.#readers ??= new Set()).add(reader)
    return reader.events(
      () => this.#room?.(),
      () => {
        if (this.#readers?.delete(reader)) this.close()
      },
    )
  }

  /** Connects. What tabs share a connection by is loaded where it is asked for, and possible. */
  async #start(): Promise<void> {
    const settings = this.#settings
    // Web Locks are missing in old browsers, and on pages that did not come over TLS.
    const canShare = settings.shared && globalThis.navigator?.locks && globalThis.BroadcastChannel
    const shared = canShare ? await import('./shared.js').catch(() => {}) : undefined
    if (this.#readyState === CLOSED || this.#connection || this.#isAway) return
    const listener: Listener = {
      open: () => {
        this.#readyState = OPEN
        this.dispatchEvent(new Event('open'))
      },
      entry: entry => this.#take(entry),
      lost: loss => this.#lost(loss),
    }
    if (shared) {
      this.#connection = shared.share(settings, this.#place, listener)
    } else {
      listener.full = () => this.#full()
      this.#connection = connect(settings, this.#lastEventId, listener)
    }
  }

  #take({ type, data, lastEventId, origin }: Entry): void {
    this.#lastEventId = lastEventId
    if (data === undefined) return
    const event = new StreamEvent(type, data, origin, lastEventId) as unknown as MessageEvent<string>
    if (this.#readers) for (const reader of this.#readers) reader.push(event)
    this.dispatchEvent(event)
  }

  #lost(loss: Loss): void {
    this.#readyState = CONNECTING
    if (loss.retryIn === undefined) {
      this.#end()
      const error = loss.status === 204 ? undefined : new SsecastError('SSECAST_CLOSED', 'source', `was closed: ${loss.message}`, { cause: loss.error })
      for (const reader of this.#readers ?? []) reader.end(error)
    }
    this.dispatchEvent(new EventSourceErrorEvent('error', loss))
  }

  #end(): void {
    this.#readyState = CLOSED
    this.#connection?.close()
    this.#ended?.abort()
  }

  /** What to wait for until every loop has taken what there is. */
  #full(): Promise<void> | undefined {
    const isBehind = () => [...this.#readers!].some(reader => reader.isBehind)
    if (!this.#readers?.size || !isBehind()) return undefined
    return new Promise(resolve => {
      this.#room = () => {
        if (this.#readyState !== CLOSED && isBehind()) return
        this.#room = undefined
        resolve()
      }
    })
  }

  /** Follows the signal, and the page: one that is put away has no connection, and another once it is back. */
  #attend(signal: AbortSignal | undefined): void {
    this.#ended = new AbortController()
    const own = { signal: this.#ended.signal }
    signal?.addEventListener('abort', () => this.close(), own)
    if (!globalThis.document) return
    const leave = () => {
      this.#isAway = true
      if (this.#readyState === OPEN) this.#readyState = CONNECTING
      this.#place = (this.#connection as SharedConnection | undefined)?.place
      this.#connection?.close()
      this.#connection = undefined
    }
    const back = () => {
      this.#isAway = false
      void this.#start()
    }
    addEventListener('pagehide', ({ persisted }) => persisted && leave(), own)
    addEventListener('pageshow', back, own)
    // A frozen tab can't pass events on to others.
    if (this.#settings.shared) document.addEventListener('freeze', leave, own)
    document.addEventListener('resume', back, own)
  }

  #handler(type: string): any {
    return this.#handlers[type]?.value ?? null
  }

  /** Sets an event handler: it is called at the place where the first one was set, until it is set to null. */
  #handle(type: string, value: unknown): void {
    const old = this.#handlers[type]
    if (value === null || (typeof value !== 'function' && typeof value !== 'object')) {
      if (old) this.removeEventListener(type, old.listener)
      delete this.#handlers[type]
    } else if (old) {
      old.value = value
    } else {
      const handler = {
        value: value as unknown,
        listener: (event: Event) => {
          if (typeof handler.value === 'function') handler.value.call(this, event)
        },
      }
      this.#handlers[type] = handler
      this.addEventListener(type, handler.listener)
    }
  }
}

// As the standard has them: constants can't be changed, and attributes and methods are enumerable.
for (const target of [EventSource, EventSource.prototype]) {
  for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSED })) Object.defineProperty(target, name, { value, enumerable: true })
}
// The first name is `constructor`.
for (const name of Object.getOwnPropertyNames(EventSource.prototype).slice(1)) {
  Object.defineProperty(EventSource.prototype, name, { enumerable: true })
}
Object.defineProperty(EventSource.prototype, Symbol.toStringTag, { value: 'EventSource', configurable: true })

function parse(url: string): URL {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href)
  } catch {
    throw new DOMException(`${JSON.stringify(url)} is no URL, or lacks its origin`, 'SyntaxError')
  }
}
