import { EventEmitter } from 'node:events'
import { ServerResponse } from 'node:http'
import type { Http2Session, ServerHttp2Stream } from 'node:http2'
import { Socket } from 'node:net'
import type { Request, Response } from './request.js'
import { setStreamHead } from './stream-head.js'

/** How often the state of every exchange is checked, in milliseconds, for an end without an event. */
const LOOK_MS = 1000

/** The checked properties of a request, a response, a stream or a socket. Some hosts make their own, and lack some. */
interface State {
  aborted?: boolean
  closed?: boolean
  destroyed?: boolean
  socket?: object | null
  stream?: ServerHttp2Stream
  writableEnded?: boolean
  writableFinished?: boolean
  writableNeedDrain?: boolean
}

/** The owner of an exchange. */
export interface Owner {
  /** Nothing can be written any more. Called once. */
  ended(): void
  /** The response takes more, after a write that said it does not. */
  drained(): void
}

/** A request and its response, and their end, as a session needs them. */
export interface Exchange {
  readonly request: unknown
  readonly http2Session?: Http2Session | undefined
  /** The connection, if there is one that is known. */
  readonly connection?: object | undefined
  /** The application has ended the response itself. */
  readonly isEnded: boolean
  /** Tells the owner of the end, from now on; perhaps at once. */
  watch(owner: Owner): void
  /** Looks whether it is over. */
  look(): boolean
  /** Sends the head of the stream, which is set by now. */
  sendHead(): void
  /** Writes bytes. Returns whether more may follow at once. */
  write(bytes: Uint8Array): boolean
  /** Ends the response, which may take so many milliseconds; if it is the last one of its connection, that is closed, too. */
  end(isLast: boolean, patienceMs: number): void
  /** Notes that the connection ends with this response: the server closes. */
  endConnection(): void
  /** Cuts the connection. It is over then, whatever the response says. */
  cut(): void
}

/** The exchanges that go on. */
const exchanges = new Set<NodeExchange>()
/** The same by their sockets, so that each socket needs one listener, however many requests are pipelined. */
const bySocket = new WeakMap<object, Set<NodeExchange>>()
let timer: NodeJS.Timeout | undefined

/**
 * The exchange of a server of Node's. Middleware may have replaced methods or removed listeners, so the end is
 * read from the state of the request, the response and the socket: at each event, before each write, and once a second.
 */
export class NodeExchange implements Exchange {
  readonly request: Request
  readonly response: Response
  /** The stream of HTTP/2. */
  readonly #stream: ServerHttp2Stream | undefined
  /** The connection of HTTP/1. */
  readonly #socket: Socket | undefined
  #owner: Owner | undefined
  #over = false
  /** When a response that was ended here counts as stuck. */
  #deadline: number | undefined
  #isLast = false
  #isFull = false

  constructor(request: Request, response: Response) {
    this.request = request
    this.response = response
    const isHttp2 = request.httpVersionMajor >= 2
    this.#stream = isHttp2 ? (response as State).stream : undefined
    this.#socket = isHttp2 ? undefined : (request.socket ?? undefined)
  }

  /** Tells the owner of the end, from now on; perhaps at once. */
  watch(owner: Owner): void {
    this.#owner = owner
    const { request, response } = this
    const look = () => void this.look()
    for (const event of ['close', 'finish', 'error']) listen(response, event, look)
    for (const event of ['close', 'aborted']) listen(request, event, look)
    const drained = () => this.#drained()
    if (this.#stream) {
      listen(this.#stream, 'close', look)
      listen(this.#stream, 'drain', drained)
    }
    listen(response, 'drain', drained)
    // A compression has a drain of its own.
    if (response.on !== EventEmitter.prototype.on) attempt(() => response.on('drain', drained))
    exchanges.add(this)
    if (this.#socket) this.#share(this.#socket)
    timer ??= setInterval(() => exchanges.forEach(exchange => exchange.#check()), LOOK_MS).unref()
    this.look()
  }

  get isEnded(): boolean {
    return this.response.writableEnded
  }

  /** The session of HTTP/2 that carries it. */
  get http2Session(): Http2Session | undefined {
    return this.#stream?.session
  }

  /** The connection, of HTTP/1 or HTTP/2. */
  get connection(): object | undefined {
    return this.#stream?.session?.socket ?? this.#socket
  }

  /** Looks whether it is over. */
  look(): boolean {
    if (!this.#over && this.#isOver()) this.#settle()
    return this.#over
  }

  /** Sends the head of the stream, which is set by now. */
  sendHead(): void {
    // Later middleware may have set some of them for a body of its own.
    setStreamHead(this.response)
    this.#stayOpen()
    ;(this.response as ServerResponse).flushHeaders?.()
  }

  /** Notes that the connection ends with this response: the server closes. */
  endConnection(): void {
    if (this.#stream) attempt(() => this.#stream?.session?.close())
    else attempt(() => this.response.setHeader('Connection', 'close'))
  }

  /** Turns off the time-out for idle connections: a quiet stream is a healthy one. */
  #stayOpen(): void {
    const connection = this.#stream ?? (this.response as State).socket ?? this.#socket
    const { setTimeout } = connection instanceof Socket ? Socket.prototype : (connection as Partial<Socket> ?? {})
    attempt(() => setTimeout?.call(connection as Socket, 0))
  }

  /** Writes bytes. Returns whether more may follow at once. Throws what a middleware's `write` throws. */
  write(bytes: Uint8Array): boolean {
    if (this.look()) return true
    const response = this.response as ServerResponse & { flush?: () => void }
    // A logger's `write` may return nothing.
    const taken: unknown = response.write(bytes)
    this.#isFull = taken === false || (taken !== true && response.writableNeedDrain === true)
    // A compression that does not heed `no-transform` must at least not hold events back.
    response.flush?.()
    return !this.#isFull
  }

  /**
   * Ends the response. Another middleware may have replaced `end` by one that is late or does nothing, so the connection is
   * cut after so many milliseconds. If the response is the last one of its connection, that is closed, too.
   */
  end(isLast: boolean, patienceMs: number): void {
    const response = this.response as ServerResponse
    this.#deadline = Date.now() + patienceMs
    this.#isLast = isLast
    if (!attempt(() => response.end())) attempt(() => (ServerResponse.prototype.end as () => void).call(response))
    this.look()
  }

  /** Cuts the connection. It is over then, whatever the response says. */
  cut(): void {
    const response = this.response as ServerResponse
    const isWaiting = this.#socket instanceof Socket && !response.socket
    // A response that was ended and waits for others on its socket goes out whole.
    if (!isWaiting || this.#deadline === undefined) attempt(() => response.destroy())
    if (!isWaiting) attempt(() => (this.#stream ?? this.#socket)?.destroy())
    this.#settle()
  }

  /** Stops watching: Node no longer has the connection. */
  release(): void {
    this.#owner = undefined
    this.#settle()
  }

  /** By the state alone. */
  #isOver(): boolean {
    const { destroyed, closed, writableEnded, writableFinished } = this.response as State
    if (destroyed === true || closed === true || (this.request as State).aborted === true) return true
    // Ended by the application; or by us, and the response does not tell more.
    if (writableEnded === true && (this.#deadline === undefined || writableFinished === undefined)) return true
    const stream: State | undefined = this.#stream
    if (stream) return stream.destroyed === true || stream.closed === true
    if (writableFinished === true) return true
    const socket: State | undefined = this.#socket
    return socket?.destroyed === true || socket?.writableEnded === true
  }

  #settle(): void {
    if (this.#over) return
    this.#over = true
    exchanges.delete(this)
    if (exchanges.size === 0) timer = void clearInterval(timer)
    if (this.#socket) bySocket.get(this.#socket)?.delete(this)
    // Node has `_httpMessage` while a response is on its way: this one, of which it has yet to say that all is out, or that of
    // a request which came behind it.
    const socket = this.#socket as (Socket & { _httpMessage?: unknown }) | undefined
    if (this.#isLast && socket && [undefined, null, this.response].includes(socket._httpMessage as never)) attempt(() => socket.end())
    this.#owner?.ended()
  }

  /** The check of once a second. */
  #check(): void {
    if (this.look()) return
    if (this.#deadline !== undefined && Date.now() > this.#deadline) return this.cut()
    const isWrapped = this.response.write !== ServerResponse.prototype.write
    if (this.#isFull && !isWrapped && (this.response as State).writableNeedDrain === false) this.#drained()
  }

  #drained(): void {
    if (!this.#isFull) return
    this.#isFull = false
    this.#owner?.drained()
  }

  #share(socket: Socket): void {
    let sharing = bySocket.get(socket)
    if (!sharing) {
      const made = (sharing = new Set())
      bySocket.set(socket, made)
      listen(socket, 'close', () => made.forEach(exchange => exchange.look()))
      // A response that waits for its turn has a buffer of its own.
      listen(socket, 'drain', () => made.forEach(exchange => (exchange.response as State).socket && exchange.#drained()))
    }
    sharing.add(this)
  }
}

/** Listens to an emitter, whose own `on` a middleware may have replaced. */
function listen(emitter: object, event: string, listener: () => void): void {
  if (emitter instanceof EventEmitter) EventEmitter.prototype.on.call(emitter, event, listener)
  else attempt(() => (emitter as Partial<EventEmitter>).on?.(event, listener))
}

/** Calls a function that a middleware may have replaced. Returns whether it did not throw. */
export function attempt(call: () => unknown): boolean {
  try {
    call()
    return true
  } catch {
    return false
  }
}
