import type { NativeHub, NativePublications } from '../native.cjs'
import { addon } from './addon.js'
import type { BaseHub, Published } from './base-hub.js'
import { named, SsecastError } from './error.js'
import type { Fields } from './event.js'

/** A call that waits for the store's answer. */
interface Publication {
  promise: Promise<Published>
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
  /** The failing store was told of. */
  #hasWarned = false

  constructor(hub: BaseHub, native: NativeHub) {
    // The addon holds the wake-up function. The weak reference lets an unused hub be collected.
    const self = new WeakRef(this)
    this.#hub = hub
    this.#native = new (addon().NativePublications)(native, () => Publications.#wake(self.deref()))
    this.#publish = this.#native.publisher()
  }

  /** Publishes. Throws what is wrong with the call. */
  add(topic: string, data: string | Uint8Array, ...fields: Fields | []): Promise<Published> {
    this.#publish(topic, data, ...(fields as Fields))
    const publication = {} as Publication
    publication.promise = new Promise((resolve, reject) => Object.assign(publication, { resolve, reject }))
    if (this.#calls.push(publication) === 1) waiting.add(this.#hub)
    return publication.promise
  }

  static #wake(publications: Publications | undefined): void {
    if (publications) publications.#settle()
  }

  /** Takes the answers that are there. */
  #settle(): void {
    const { ids, subscribers, failures } = this.#native.take()
    const settled = this.#calls.splice(0, subscribers.length)
    if (this.#calls.length === 0) waiting.delete(this.#hub)
    const list = ids.split('\n')
    const failed = new Map(failures.map(({ index, code, message }) => [index, named(Object.assign(new Error(message), { code }))]))
    settled.forEach((publication, index) => {
      const error = failed.get(index)
      if (error === undefined) this.#hasWarned = false
      if (error === undefined) publication.resolve({ id: list[index]!, subscribers: subscribers[index]! })
      else this.#fail(publication, error as SsecastError)
    })
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
