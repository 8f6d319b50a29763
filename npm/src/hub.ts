import type { NativeHub } from '../native.cjs'
import type { HubOptions, Published } from './base-hub.js'
import { serialise } from './data.js'
import { named, SsecastError } from './error.js'
import { checkFields, type EventFields, given } from './event.js'
import { ReadableHub } from './readable-hub.js'
import { StoredHub, type StoreOptions } from './stored-hub.js'
import { checkTopic } from './topic.js'

const NO_FIELDS: EventFields = {}

/** A hub whose history is in this process's memory. Made by {@link createHub}. */
export class Hub extends ReadableHub {
  /** The addon's function, which puts the number of the topic's connections into `#subscribers`. */
  readonly #publish: ReturnType<NativeHub['publisher']>
  readonly #subscribers = new Uint32Array(1)
  /** The topic and the type of the event that was published last, which the addon has too: the next often has the same. */
  #topic: string | undefined
  #event: string | null | undefined

  /** Use {@link createHub}. */
  constructor(options: HubOptions = {}) {
    if ((options as StoreOptions | null)?.store !== undefined) {
      throw new SsecastError('SSECAST_INVALID_OPTION', 'store', 'needs another class: write createHub({ store: … }), not new Hub(…)')
    }
    super(options)
    this.#publish = this.connections.native.publisher(this.#subscribers)
  }

  /**
   * Publishes an event to every connection that reads the topic, and keeps it for clients that come back. It takes as long
   * for one connection as for ten thousand, and never waits for a slow one. On a closed hub it does nothing and returns
   * `id: null`, so that a timer may go on publishing during a shutdown.
   *
   * @param topic 1 to 256 bytes
   * @param data a string goes as it is, bytes as UTF-8, anything else as JSON; what JSON would lose, such as a promise or
   *   a Map, is refused
   * @throws {SsecastError} naming the field; nothing is published then
   * @example
   * hub.publish('ticks', { now: Date.now() }, { event: 'tick' })
   */
  publish(topic: string, data: unknown, fields?: EventFields): Published {
    checkTopic(topic)
    const text = typeof data === 'string' ? data : serialise(data)
    if (fields !== undefined) checkFields(fields)
    try {
      const { event, id, retry, comment } = fields ?? NO_FIELDS
      const bits = given(event, id, retry, comment)
      if (bits <= 1 && topic === this.#topic && event === this.#event) {
        return { id: this.#publish(text), subscribers: this.#subscribers[0]! }
      }
      const published = this.#publish(topic, text, bits, event, id, retry, comment)
      this.#topic = topic
      this.#event = event ?? undefined
      return { id: published, subscribers: this.#subscribers[0]! }
    } catch (error) {
      if ((error as SsecastError).code === 'SSECAST_CLOSED') return { id: null, subscribers: 0 }
      throw named(error)
    }
  }

  /**
   * Ends a topic: nothing more is published to it. Its clients get what is left; a stream whose topics have all ended ends
   * then, and a browser that comes back is answered 204, by which it stays away. A client that joins later gets what the
   * history has of it, if its route has a `replay`, and the same end. After `keepEndedMs` the topic is forgotten. Ending it
   * twice changes nothing, and neither does a closed hub.
   *
   * @throws {SsecastError} naming the field
   * @example
   * for await (const token of answer) hub.publish('answer-7', token)
   * hub.endTopic('answer-7')
   */
  endTopic(topic: string): void {
    checkTopic(topic, "endTopic('answer-7')")
    try {
      this.connections.native.endTopic(topic)
      this.unreadSignals.end(topic)
    } catch (error) {
      if ((error as SsecastError).code !== 'SSECAST_CLOSED') throw named(error)
    }
  }
}

/**
 * Makes a hub: in memory, or with a {@link StoreOptions.store | store} that other processes share.
 *
 * @throws {SsecastError} `SSECAST_INVALID_OPTION` for an option that is unknown or out of range
 * @example
 * const hub = createHub({ history: { events: 100 } })
 * app.get('/stream', sseMiddleware(hub, { topics: ['ticks'] }))
 * setInterval(() => hub.publish('ticks', Date.now()), 1000)
 * @example
 * const hub = createHub({ store: 'file:./events' })
 * const { id } = await hub.publish('orders', { number: 7 })
 */
export function createHub(options: HubOptions & StoreOptions & { store: string | URL }): StoredHub
export function createHub(options?: HubOptions): Hub
export function createHub(options: HubOptions & StoreOptions): Hub | StoredHub
export function createHub(options?: HubOptions & StoreOptions): Hub | StoredHub {
  const isStored = typeof options === 'object' && options !== null && options.store !== undefined
  return isStored ? new StoredHub(options) : new Hub(options)
}
