import type { NativeHub } from '../native.cjs'
import { addon } from './addon.js'
import { native } from './error.js'

/** Why a stream ended. */
export type Reason = 'client' | 'server' | 'shutdown' | 'lagged' | 'error'

/** A connection, as the event loop delivers to it. */
export interface LoopConnection {
  /** Writes bytes; returns whether the response takes more. */
  write(bytes: Uint8Array): boolean
  /** All that was sent to this connection alone is out. */
  drained(): void
  /** A delivery to this connection threw. */
  fail(): void
  /** Ends the response: the hub has removed the connection. A `cut` one did not take all that it was given. */
  end(reason: Reason, cut: boolean): void
}

/** How many connections one turn of the event loop delivers to. */
const TURN = 256

/**
 * The connections of one event loop. It writes to some of them; engine threads write to the others, and tell it of their
 * ends. One wake-up serves them all. They do not keep the event loop alive.
 */
export class LoopConnections {
  readonly native: NativeHub
  /** A function of the addon's that is called often. */
  readonly send: ReturnType<NativeHub['sender']>
  readonly #connections = new Map<number, LoopConnection>()
  #isScheduled = false

  constructor(options: object) {
    // The addon holds the wake-up function. The weak reference lets an unused hub be collected.
    const self = new WeakRef(this)
    const wake = () => void LoopConnections.#wake(self.deref())
    this.native = native(() => new (addon().NativeHub)(options, wake))
    this.send = this.native.sender()
  }

  add(id: number, connection: LoopConnection): void {
    this.#connections.set(id, connection)
  }

  remove(id: number): void {
    this.#connections.delete(id)
  }

  static #wake(connections: LoopConnections | undefined): void {
    if (connections) connections.#deliver()
  }

  /** Delivers what is there, to some connections at a time. */
  #deliver(): void {
    if (this.#isScheduled) return
    const { writes, writeBuffers, buffers, drained, ends, more } = this.native.take(TURN)
    if (more) {
      this.#isScheduled = true
      setImmediate(() => {
        this.#isScheduled = false
        this.#deliver()
      })
    }
    writes.forEach((id, index) =>
      this.#isolated(id, connection => {
        if (!connection.write(buffers[writeBuffers[index]!]!)) this.native.pause(id)
      })
    )
    for (const id of drained) this.#isolated(id, connection => connection.drained())
    for (const { connection: id, reason, cut } of ends) this.#isolated(id, connection => connection.end(reason as Reason, cut))
  }

  /** An exception for one connection must not cost other connections their deliveries. */
  #isolated(id: number, deliver: (connection: LoopConnection) => void): void {
    const connection = this.#connections.get(id)
    if (!connection) return
    try {
      deliver(connection)
    } catch {
      connection.fail()
    }
  }
}
