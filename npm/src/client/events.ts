import type { Cause, Loss } from './loss.js'

/** The event `error`: it says why the connection is lost, and when there will be another. */
export class EventSourceErrorEvent extends Event {
  /** Why. */
  readonly cause: Cause
  /** The status of the answer, if the cause is `status`. */
  readonly status: number | undefined
  /** Why, as a sentence. */
  readonly message: string
  /** The wait in milliseconds before the next connection; `undefined` if there will be none, and the source is closed. */
  readonly retryIn: number | undefined
  /** What was thrown, if the cause is `network`, and if it happened in this tab. */
  readonly error: unknown

  constructor(type: string, { cause, status, message, retryIn, error }: Loss) {
    super(type)
    this.cause = cause
    this.status = status
    this.message = message
    this.retryIn = retryIn
    this.error = error
  }
}
