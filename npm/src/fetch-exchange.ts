import type { Exchange, Owner } from './exchange.js'

/** The exchange of a web `Request` and the `Response` whose body is the stream. The host reads that, at its pace. */
export class FetchExchange implements Exchange {
  readonly request: globalThis.Request
  readonly isEnded = false
  /** The stream's bytes. What waits in it is one batch at most. */
  readonly body: ReadableStream<Uint8Array>
  #controller!: ReadableStreamDefaultController<Uint8Array>
  #owner: Owner | undefined
  #isFull = false
  #isOver = false

  constructor(request: globalThis.Request) {
    this.request = request
    this.body = new ReadableStream(
      {
        start: controller => void (this.#controller = controller),
        pull: () => this.#drained(),
        cancel: () => this.#settle(),
      },
      { highWaterMark: 0 }
    )
  }

  watch(owner: Owner): void {
    this.#owner = owner
    // Deno aborts it after every response, and warns; it cancels the body of one whose client has left.
    if (!process.versions.deno) this.request.signal?.addEventListener('abort', this.#abort)
    this.look()
  }

  look(): boolean {
    if (!process.versions.deno && this.request.signal?.aborted) this.end()
    return this.#isOver
  }

  /** The head is that of the `Response`. */
  sendHead(): void {}

  /** The host has the connection. */
  endConnection(): void {}

  write(bytes: Uint8Array): boolean {
    if (this.look()) return true
    // The bytes are shared by all connections, and a reader may do with its chunk what it wants.
    this.#controller.enqueue(Uint8Array.prototype.slice.call(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)))
    this.#isFull = true
    return false
  }

  end(): void {
    if (this.#isOver) return
    this.#controller.close()
    this.#settle()
  }

  cut(): void {
    if (this.#isOver) return
    this.#controller.error(new DOMException('The stream was cut: its client did not take what it was sent', 'AbortError'))
    this.#settle()
  }

  /** The client has left. An error would reach the host's log for each of them. */
  readonly #abort = () => this.end()

  #drained(): void {
    if (!this.#isFull) return
    this.#isFull = false
    this.#owner?.drained()
  }

  #settle(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.request.signal?.removeEventListener('abort', this.#abort)
    this.#owner?.ended()
  }
}
