import { checkedClose, type CloseOptions, type HubOptions, type Published } from './base-hub.js'
import { serialise } from './data.js'
import { named, SsecastError } from './error.js'
import { checkFields, encode, type EventFields, given } from './event.js'
import { Publications } from './publications.js'
import { ReadableHub } from './readable-hub.js'
import { checkTopic } from './topic.js'

/** Where a hub's history is, if not in this process's memory. */
export interface StoreOptions {
  /**
   * The store, which any number of processes share. Each of them has the same topics, events and ids, publishes to the
   * clients of all of them, and continues any client where it left; so does a process that starts later. Give all the same
   * `history`.
   *
   * `file:./events` is a folder on this machine, in the working directory; so is `new URL('./events', import.meta.url)`,
   * beside a module. By default an event that was published survives the processes; with `?durability=machine` it survives
   * the machine, too.
   *
   * The store is opened by the first event or connection.
   */
  store?: string | URL | undefined
  /** How long a publication may wait for the store; then it is refused with `SSECAST_STORE_TIMED_OUT`. Default 1 000. */
  publishTimeoutMs?: number | undefined
}

/** A hub whose history is in a store that other processes share. Made by {@link createHub} with a `store`. */
export class StoredHub extends ReadableHub {
  readonly #publications: Publications
  #closing: Promise<void> | undefined

  /** Use {@link createHub}. */
  constructor(options: HubOptions & StoreOptions) {
    const { store } = options
    super(store instanceof URL ? { ...options, store: store.href } : options)
    this.#publications = new Publications(this, this.connections.native)
  }

  /**
   * Publishes an event to every connection of every process that reads the topic, and keeps it for clients that come back.
   * The call returns at once; the promise resolves when the store has the event, and keeps the process alive until then.
   * Events have the order of the calls. On a closed hub it does nothing and gives `id: null`.
   *
   * It rejects with a {@link SsecastError}; nothing is published then. A rejection that nothing handles ends the process as
   * any other, except when it is the store that fails: a server should survive that. Then a warning of the process says so,
   * once until an event is published again.
   *
   * @param topic 1 to 256 bytes
   * @param data as for a hub in memory
   * @example
   * const { id } = await hub.publish('orders', { number: 7 }, { event: 'order' })
   */
  publish(topic: string, data: unknown, fields?: EventFields): Promise<Published> {
    if (this.#closing) return Promise.resolve({ id: null, subscribers: 0 })
    try {
      checkTopic(topic)
      const text = typeof data === 'string' ? data : serialise(data)
      if (fields === undefined) return this.#publications.publish(topic, text)
      checkFields(fields)
      const { event, id, retry, comment } = fields
      return this.#publications.publish(topic, text, given(event, id, retry, comment), event, id, retry, comment)
    } catch (error) {
      if ((error as SsecastError).code === 'SSECAST_CLOSED') return Promise.resolve({ id: null, subscribers: 0 })
      return Promise.reject(named(error))
    }
  }

  /**
   * Ends a topic as a hub in memory does, in all processes, once everything is published that was asked for before. The
   * promise resolves when the store has it, and rejects as that of {@link StoredHub.publish}.
   *
   * @example
   * for await (const token of answer) hub.publish('answer-7', token)
   * await hub.endTopic('answer-7')
   */
  endTopic(topic: string): Promise<void> {
    if (this.#closing) return Promise.resolve()
    try {
      checkTopic(topic, "endTopic('answer-7')")
      const ended = this.#publications.endTopic(topic)
      this.unreadSignals.end(topic)
      return ended
    } catch (error) {
      if ((error as SsecastError).code === 'SSECAST_CLOSED') return Promise.resolve()
      return Promise.reject(error)
    }
  }

  override get closed(): boolean {
    return this.#closing !== undefined || super.closed
  }

  /**
   * Closes the hub as any other, once the store has answered what was published before: after `publishTimeoutMs` at the
   * latest. Meanwhile nothing more is published.
   */
  override close(options: CloseOptions = {}): Promise<void> {
    const answered = this.#publications.answered()
    if (!answered && !this.#closing) return super.close(options)
    const { event } = checkedClose(options)
    // It throws what is wrong with the event.
    if (event) encode(event)
    this.#closing ??= answered!.then(() => super.close(options))
    return this.#closing
  }
}
