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

// Node from 22 on takes five times as long to make a `MessageEvent` as to deliver it.
class Message extends Event {
  // Fields of its own, before the prototype's getters, which want a real MessageEvent.
  readonly source = null
  readonly ports = []

  constructor(type: string, readonly data: string, readonly origin: string, readonly lastEventId: string) {
    super(type)
  }
}
Object.setPrototypeOf(Message.prototype, MessageEvent.prototype)

/** Makes an event of the stream: in a page or a worker the browser's own, elsewhere one that is as good and made sooner. */
export function messageOf(type: string, data: string, origin: string, lastEventId: string): MessageEvent<string> {
  if (globalThis.location) return new MessageEvent(type, { data, origin, lastEventId })
  return new Message(type, data, origin, lastEventId) as unknown as MessageEvent<string>
}
