import { NativeHub } from '../native.cjs'
import { native } from './error.js'

/** Why a stream ended. */
export type Reason = 'client' | 'server' | 'shutdown' | 'lagged' | 'error'

/** What pull delivery needs of a connection. */
export interface Sink {
  /** Writes bytes; returns whether the writer takes more. */
  write(bytes: Uint8Array): boolean
  /** Ends the response: the connection is gone from the hub. */
  end(reason: Reason): void
}

/** How many connections are written to before other work of the event loop gets a turn. */
const TURN = 256

/**
 * Pull delivery: the addon says once that there is something, for whichever connections, and this takes it and
 * writes it. Nothing here keeps the event loop alive.
 */
export class Pull {
  readonly hub: NativeHub
  readonly #sinks = new Map<number, Sink>()
  #scheduled = false

  constructor(options: object) {
    // The addon holds the wake-up function; a weak reference lets a hub that nobody uses be collected.
    const self = new WeakRef(this)
    this.hub = native(() => new NativeHub(options, () => self.deref()?.run()))
  }

  add(connection: number, sink: Sink): void {
    this.#sinks.set(connection, sink)
  }

  remove(connection: number): void {
    this.#sinks.delete(connection)
  }

  /** Writes what there is, for some connections at a time. */
  run(): void {
    if (this.#scheduled) return
    const { connections, contents, buffers, reasons, more } = this.hub.take(TURN)
    if (more) {
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.run()
      })
    }
    connections.forEach((connection, index) => {
      const sink = this.#sinks.get(connection)
      if (!sink) return
      const content = contents[index]!
      if (content < 0) return sink.end(reasons[-1 - content] as Reason)
      if (!sink.write(buffers[content]!)) this.hub.pause(connection)
    })
  }
}
