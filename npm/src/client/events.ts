import type { Cause, Loss } from './loss.js'

/** The event `error`: it says why the connection is lost, and when there will be another. */
export class EventSourceErrorEvent extends Event {
  /** Why. */
  declare readonly cause: Cause
  /** The status of the answer, if the cause is `status`. */
  declare readonly status: number | undefined
  /** Why, as a sentence. */
  declare readonly message: string
  /** The wait in milliseconds before the next connection; `undefined` if there will be none, and the source is closed. */
  declare readonly retryIn: number | undefined
  /** What was thrown, if the cause is `network`, and if it happened in this tab. */
  declare readonly error: unknown

  constructor(type: string, loss: Loss) {
    super(type)
    Object.assign(this, loss)
  }
}

const NO_PORTS: readonly MessagePort[] = Object.freeze([])

/**
 * An event of the stream. It has the prototype and the attributes of a `MessageEvent`: to make a real one takes two to five times as
 * long as to deliver it, in Chromium and in Node from 22 on.
 */
export class StreamEvent extends Event {
  // Fields of its own hide the prototype's getters, which want a real MessageEvent.
  constructor(type: string, readonly data: string, readonly origin: string, readonly lastEventId: string) {
    super(type)
  }

  get source(): null {
    return null
  }

  get ports(): readonly MessagePort[] {
    return NO_PORTS
  }
}
Object.setPrototypeOf(StreamEvent.prototype, MessageEvent.prototype)
