import type { NativeHub, NativeUnreadWatch } from '../native.cjs'
import { addon } from './addon.js'
import { native } from './error.js'

/** The signals of a hub that abort when nobody reads a topic any more. */
export class UnreadSignals {
  readonly #hub: NativeHub
  readonly #watches = new Map<string, Set<NativeUnreadWatch>>()

  constructor(hub: NativeHub) {
    this.#hub = hub
  }

  add(topic: string, afterMs: number): AbortSignal {
    const controller = new AbortController()
    const abort = () => {
      this.#remove(topic, watch)
      controller.abort()
    }
    const watch: NativeUnreadWatch = native(() => new (addon().NativeUnreadWatch)(this.#hub, topic, afterMs, abort))
    const watches = this.#watches.get(topic)
    if (watches) watches.add(watch)
    else this.#watches.set(topic, new Set([watch]))
    return controller.signal
  }

  /** A topic has ended: its signals abort no more. */
  end(topic: string): void {
    for (const watch of this.#watches.get(topic) ?? []) watch.stop()
    this.#watches.delete(topic)
  }

  #remove(topic: string, watch: NativeUnreadWatch): void {
    const watches = this.#watches.get(topic)
    watches?.delete(watch)
    if (watches?.size === 0) this.#watches.delete(topic)
  }
}
