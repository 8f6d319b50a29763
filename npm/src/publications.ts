import type { NativeHub, NativePublications } from '../native.cjs'
import { addon } from './addon.js'
import type { BaseHub, Published } from './base-hub.js'
import { named, native, SsecastError } from './error.js'
import type { Fields } from './event.js'

/** A call that waits for the store's answer. */
interface Publication {
  promise: Promise<unknown>
  resolve: (published: Published) => void
  reject: (error: unknown) => void
}

/** The hubs that wait for their stores: they must not be collected. */
const waiting = new Set<BaseHub>()

/** What the store fails in by itself, whatever is published. */
const STORE_FAILURES = ['SSECAST_INVALID_OPTION', 'SSECAST_TOO_MANY_DESCRIPTORS']

/** The publications of a hub that its store has not answered yet. It answers in the order of the calls. */
export class Publications {
  readonly #hub: BaseHub
  readonly #native: NativePublications
  readonly #publish: ReturnType<NativePublications['publisher']>
  #calls: Publication[] = []
  /** Called when no call waits any more. */
  #whenAnswered: (() => void)[] = []
  /** The failing store was told of. */
  #hasWarned = false

  constructor(hub: BaseHub, nativeHub: NativeHub) {
    // The addon holds the wake-up function. The weak reference lets an unused hub be collected.
    const self = new WeakRef(this)
    this.#hub = hub
    this.#native = new (addon().NativePublications)(nativeHub, () => Publications.#wake(self.deref()))
    this.#publish = this.#native.publisher()
  }

  /** Publishes. Throws what is wrong with the call. */
  publish(topic: string, data: string | Uint8Array, ...fields: Fields | []): Promise<Published> {
    this.#publish(topic, data, ...(fields as Fields))
    return this.#wait(published => published)
  }

  /** Ends a topic. Throws what is wrong with the call. */
  endTopic(topic: string): Promise<void> {
    native(() => this.#native.endTopic(topic))
    return this.#wait(() => undefined)
  }

  /** Waits for the answer to the last call. */
  #wait<T>(of: (published: Published) => T): Promise<T> {
    const publication = {} as Publication
    const promise = new Promise<T>((resolve, reject) => {
      publication.resolve = published => resolve(of(published))
      publication.reject = reject
    })
    publication.promise = promise
    if (this.#calls.push(publication) === 1) waiting.add(this.#hub)
    return promise
  }

  /** Resolves when the store has answered all calls; `undefined` if none waits. */
  answered(): Promise<void> | undefined {
    if (this.#calls.length > 0) return new Promise(resolve => this.#whenAnswered.push(resolve))
    return undefined
  }

  static #wake(publications: Publications | undefined): void {
    if (publications) publications.#settle()
  }

  /** Takes the answers that are there. */
  #settle(): void {
    const { ids, subscribers, failures } = this.#native.take()
    const settled = this.#calls.splice(0, subscribers.length)
    const list = ids.split('\n')
    const failed = new Map(failures.map(({ index, code, message }) => [index, named(Object.assign(new Error(message), { code }))]))
    settled.forEach((publication, index) => {
      const error = failed.get(index)
      if (error === undefined) this.#hasWarned = false
      if (error === undefined) publication.resolve({ id: list[index]!, subscribers: subscribers[index]! })
      else this.#fail(publication, error as SsecastError)
    })
    if (this.#calls.length > 0) return
    waiting.delete(this.#hub)
    for (const answered of this.#whenAnswered.splice(0)) answered()
  }

  #fail({ promise, resolve, reject }: Publication, error: SsecastError): void {
    const { code, message } = error
    if (code === 'SSECAST_CLOSED') return resolve({ id: null, subscribers: 0 })
    if (code.startsWith('SSECAST_STORE_') || STORE_FAILURES.includes(code)) {
      promise.catch(() => {})
      if (!this.#hasWarned) process.emitWarning(`Events can't be published: ${message}`, { type: 'SsecastWarning', code })
      this.#hasWarned = true
    }
    reject(error)
  }
}
