import { SsecastError } from '../error.js'

/** More events than these wait only where the stream can't be made to wait: in a tab that shares another one's connection. */
const MOST = 1 << 16

/** A loop over the events of a source. */
export class Reader {
  #waiting: MessageEvent<string>[] = []
  #isBusy = false
  #isEnded = false
  #isClosed = false
  #error: unknown
  #wake = () => {}

  /** Whether the loop has not taken all yet. */
  get isBehind(): boolean {
    return this.#isBusy || this.#waiting.length > 0
  }

  push(event: MessageEvent<string>): void {
    if (this.#isEnded) return
    if (this.#waiting.push(event) > MOST) {
      this.end(new SsecastError('SSECAST_BACKLOG_FULL', 'source', 'has too many events that its loop did not take'))
    } else this.#wake()
  }

  /** Ends the loop after what waits, with the error if there is one. */
  end(error?: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#error = error
    this.#wake()
  }

  /** Ends the loop at once: a source that was closed gives no more events (SPEC 27). */
  close(): void {
    this.#isClosed = true
    this.end()
  }

  /** Iterates over the events. `drained` is called when all there is was taken, `left` when the loop has ended. */
  async *events(drained: () => void, left: () => void): AsyncGenerator<MessageEvent<string>, void, undefined> {
    try {
      for (;;) {
        const batch = this.#waiting
        this.#waiting = []
        this.#isBusy = true
        for (const event of batch) {
          if (this.#isClosed) return
          yield event
        }
        this.#isBusy = false
        if (this.#isClosed) return
        if (this.#waiting.length > 0) continue
        if (this.#error !== undefined) throw this.#error
        if (this.#isEnded) return
        drained()
        await new Promise<void>(resolve => (this.#wake = resolve))
      }
    } finally {
      left()
    }
  }
}
