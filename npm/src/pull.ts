import type { NativeHub } from '../native.cjs'
import { addon } from './addon.js'
import { native } from './error.js'

/** Why a stream ended. */
export type Reason = 'client' | 'server' | 'shutdown' | 'lagged' | 'error'

/** What pull delivery needs of a connection. */
export interface Sink {
  /** Writes bytes; returns whether the writer takes more. */
  write(bytes: Uint8Array): boolean
  /** What was sent to this connection alone is out. */
  drained(): void
  /** Something failed for this connection while it was delivered to. */
  fail(): void
  /** Ends the response: the connection is gone from the hub. If it is `cut` it did not take all that it was given. */
  end(reason: Reason, cut: boolean): void
}

/** How many connections are written to before other work of the event loop gets a turn. */
const TURN = 256

/**
 * Pull delivery: the addon says once that there is something, for whichever connections, and this takes it and
 * writes it. Nothing here keeps the event loop alive.
 */
export class Pull {
  readonly hub: NativeHub
  /** The addon's functions that are called often. */
  readonly publish: ReturnType<NativeHub['publisher']>
  readonly send: ReturnType<NativeHub['sender']>
  /** Where `publish` puts how many connections read the topic. */
  readonly subscribers = new Uint32Array(1)
  readonly #sinks = new Map<number, Sink>()
  #scheduled = false

  constructor(options: object) {
    // The addon holds the wake-up function; a weak reference lets a hub that nobody uses be collected.
    const self = new WeakRef(this)
    this.hub = native(() => new (addon().NativeHub)(options, () => self.deref()?.run()))
    this.publish = this.hub.publisher(this.subscribers)
    this.send = this.hub.sender()
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
      // What a middleware throws for one connection is not to cost others what they are given here.
      try {
        const content = contents[index]!
        if (content >= 0) {
          if (!sink.write(buffers[content]!)) this.hub.pause(connection)
        } else if (content === -1) {
          sink.drained()
        } else {
          const end = -2 - content
          sink.end(reasons[end % reasons.length] as Reason, end >= reasons.length)
        }
      } catch {
        sink.fail()
      }
    })
  }
}
