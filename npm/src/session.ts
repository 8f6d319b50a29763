import type { BaseHub } from './base-hub.js'
import { serialise } from './data.js'
import { named, native, refuseUnknown } from './error.js'
import { checkFields, type EventFields, type EventInit, given } from './event.js'
import { attempt, type Exchange, NodeExchange } from './exchange.js'
import type { LoopConnection, Reason } from './loop-connections.js'
import type { Request } from './request.js'
import { guard, limitPeer, type Plain, socketOf, unguard } from './socket.js'
import { Characters, iteratorOf } from './source.js'
import { isTurnOver, nextTurn } from './turn.js'
import { isPromise } from './value.js'

/** How {@link Session.pipe} makes events of values. */
export interface PipeOptions<T> {
  /** The type of every event. */
  event?: string
  /** Makes data of a value, or a whole event when it returns an object with `data`; may be async. Gets bytes as they are. */
  map?: (value: T) => unknown
  /** Sent after the last value: data, or a whole event when it is an object with `data`. */
  done?: unknown
}

const PIPE_OPTIONS = ['event', 'map', 'done']

/** One open stream. It gets the events of its topics by itself; its methods are for this client alone. */
export class Session<R = Request> implements LoopConnection {
  /** The request as the server has it: Node's own, or that of `hub.response`. */
  readonly request: R
  /** The last event ID that the client came with; empty if it has none. */
  readonly lastEventId: string
  /** Resolves, never rejects, when the stream has ended, with the reason. */
  readonly closed: Promise<Reason>
  /** The connection's number, unique within its hub. */
  readonly id: number

  readonly #hub: BaseHub
  readonly #exchange: Exchange
  readonly #topics: Set<string>
  #delivery: 'socket' | 'pull' = 'pull'
  #released = false
  #unlimitPeer: (() => void) | undefined
  #resolve!: (reason: Reason) => void
  #reason: Reason | undefined
  /** The reason that the application gave for the end. It counts even if the connection is lost before all is out. */
  #asked: Reason | undefined
  #isStarted = false
  /** Nothing can be written to the client any more. */
  #closed = false
  /** The stream has ended. */
  #over = false
  #controller: AbortController | undefined
  /** Called after each write, and at the end. */
  readonly #watchers = new Set<() => void>()

  /** @internal Registers the connection. Throws if the hub refuses it; nothing is written then. */
  constructor(hub: BaseHub, exchange: Exchange, topics: readonly string[], lastEventId: string, replay: number) {
    this.#hub = hub
    this.#exchange = exchange
    this.request = exchange.request as R
    this.lastEventId = lastEventId
    this.#topics = new Set(topics)
    this.closed = new Promise(resolve => (this.#resolve = resolve))
    this.id = native(() => hub.connections.native.open([...topics], lastEventId, replay))
    hub.connections.add(this.id, this)
    hub.addSession(this)
    if (exchange.http2Session) hub.noteHttp2Session(exchange.http2Session)
    exchange.watch({ ended: () => this.#left(), drained: () => hub.connections.native.resume(this.id) })
  }

  /** The topics that this stream reads. */
  get topics(): string[] {
    return [...this.#topics]
  }

  /**
   * How the bytes go out: `socket`, an engine thread writes them, or `pull`, the event loop does. It is known when the
   * response's head is out. That is before `onConnect`, unless the client is slow to take the head or a Koa route follows.
   */
  get delivery(): 'socket' | 'pull' {
    return this.#delivery
  }

  /** Aborts when the stream has ended: pass it to work that is done for this client. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#over) this.#controller.abort()
    return this.#controller.signal
  }

  /**
   * Sends an event to this client alone, behind everything published before.
   *
   * @returns false if the stream is ending or has ended
   * @throws {SsecastError} naming the field; nothing is sent then
   */
  send(data: unknown, fields?: EventFields): boolean {
    const { send } = this.#hub.connections
    const text = typeof data === 'string' ? data : serialise(data)
    if (fields !== undefined) checkFields(fields)
    try {
      if (fields === undefined) return send(this.id, text)
      const { event, id, retry, comment } = fields
      return send(this.id, text, given(event, id, retry, comment), event, id, retry, comment)
    } catch (error) {
      throw named(error)
    }
  }

  /** Sends a comment to this client alone. Returns false if the stream is ending or has ended. */
  comment(text: string): boolean {
    return native(() => this.#hub.connections.send(this.id, undefined, 8, undefined, undefined, undefined, text))
  }

  /** Reads more topics, from now on. */
  subscribe(...topics: string[]): void {
    if (native(() => this.#hub.connections.native.changeTopics(this.id, topics, []))) topics.forEach(topic => this.#topics.add(topic))
  }

  /** Stops reading topics. */
  unsubscribe(...topics: string[]): void {
    native(() => this.#hub.connections.native.changeTopics(this.id, [], topics))
    topics.forEach(topic => this.#topics.delete(topic))
  }

  /**
   * Sends every value of an iterable as an event. It waits while the client is slow, and lets the event loop do its other
   * work now and then. Chunks of bytes are UTF-8, and may end inside a character. When the client leaves, the iterator's
   * `return` is called, so that its source stops. The stream stays open afterwards.
   *
   * @returns whether everything was sent
   * @throws what the iterable throws; the stream has then been ended with the reason `error`
   * @example
   * await session.pipe(tokens, { event: 'token', done: '[DONE]' })
   * session.close()
   */
  async pipe<T>(source: AsyncIterable<T> | Iterable<T>, options: PipeOptions<T> = {}): Promise<boolean> {
    refuseUnknown(options, PIPE_OPTIONS, 'options', "{ event: 'token' }")
    const { event, map, done } = options
    const iterator = iteratorOf(source)
    const characters = new Characters()
    try {
      while (!this.#ending) {
        const next = await this.#unlessEnded(iterator.next())
        if (!next) break
        if (next.done) {
          characters.end()
          return done === undefined || this.#sendWhole(done, event, characters)
        }
        // As in `for await`: a synchronous iterable may give promises.
        let value: unknown = next.value
        if (isPromise(value)) value = await this.#unlessEnded(value)
        if (map && !this.#ending) value = map(value as T)
        if (isPromise(value)) value = await this.#unlessEnded(value)
        if (this.#ending) break
        const sent = map ? this.#sendWhole(value, event, characters) : this.#sendData(value, { event }, characters)
        if (!sent) break
        while (!this.#ending && this.#backlog > this.#hub.pipeBytes) await this.#changed()
        if (!this.#ending && isTurnOver()) await nextTurn()
      }
    } catch (error) {
      this.#stop(iterator)
      this.close('error')
      throw error
    }
    this.#stop(iterator)
    return false
  }

  /**
   * Ends the stream, after everything published and sent before is out. An `EventSource` then comes back and gets
   * another stream; {@link Session.finish} ends it for good. Closing twice is fine.
   *
   * @returns the promise {@link Session.closed}
   */
  close(reason: 'server' | 'error' = 'server'): Promise<Reason> {
    if (!this.#ending) native(() => this.#hub.connections.native.end(this.id, reason))
    this.#asked ??= reason
    return this.closed
  }

  /**
   * Ends the stream as {@link Session.close} does, and for good: an `EventSource` that comes back is answered 204 by
   * the middleware, after which it stays away. For an answer that is complete.
   *
   * @returns the promise {@link Session.closed}
   * @example
   * await session.pipe(tokens, { event: 'token' })
   * session.finish()
   */
  finish(): Promise<Reason> {
    if (!this.#ending) native(() => this.#hub.connections.native.finish(this.id))
    this.#asked ??= 'server'
    return this.closed
  }

  /**
   * @internal Sends the response's head and lets the stream begin: by an engine thread if it can have the socket, by
   * this event loop otherwise. If it is to be `released`, Node's socket goes. Returns whether it has just begun.
   */
  start(release: boolean): boolean {
    if (this.#isStarted || this.#exchange.look()) return false
    this.#isStarted = true
    try {
      this.#exchange.sendHead()
    } catch (error) {
      this.discard()
      throw error
    }
    const { native: hub } = this.#hub.connections
    const plain = hub.attaches && this.#exchange instanceof NodeExchange ? socketOf(this.#exchange) : undefined
    if (!plain) this.#pull()
    // Node's own pending bytes must go out first.
    else if (plain.isFlushed()) this.#attach(plain, release)
    else plain.socket.write('', () => (plain.isFlushed() ? this.#attach(plain, release) : this.#pull()))
    return true
  }

  /** The event loop writes the stream. */
  #pull(): void {
    const { native: hub } = this.#hub.connections
    const { connection } = this.#exchange
    // A socket may be of another kind, or gone: the stream works without the limit.
    if (connection) attempt(() => (this.#unlimitPeer = limitPeer(hub, connection)))
    hub.resume(this.id)
  }

  #attach(plain: Plain, release: boolean): void {
    if (this.#over) return
    const { native: hub } = this.#hub.connections
    try {
      hub.attachSocket(this.id, plain.descriptor, plain.chunked, release)
    } catch {
      return this.#pull()
    }
    this.#delivery = 'socket'
    if (release) {
      this.#released = true
      ;(this.#exchange as NodeExchange).release()
      guard(plain)
      plain.socket.destroy()
    } else {
      guard(plain, () => hub.writes(this.id))
    }
  }

  /** @internal Ends a session whose response's head could not be written. */
  discard(): void {
    this.#reason = 'error'
    this.#left()
  }

  /** @internal Ends the stream, and its connection: the server closes. */
  shutDown(): Promise<Reason> {
    if (!this.#ending) native(() => this.#hub.connections.native.end(this.id, 'shutdown'))
    this.#asked ??= 'shutdown'
    return this.closed
  }

  /** @internal Writes bytes of the stream. */
  write(bytes: Uint8Array): boolean {
    const takesMore = this.#exchange.write(bytes)
    this.#watchers.forEach(watcher => watcher())
    return takesMore
  }

  /** @internal What was sent is out. */
  drained(): void {
    this.#watchers.forEach(watcher => watcher())
  }

  /** @internal The hub has ended the stream. */
  end(reason: Reason, cut: boolean): void {
    this.#reason ??= reason
    this.#watchers.forEach(watcher => watcher())
    if (this.#released || this.#closed) return this.#finish(reason)
    if (cut) return this.destroy()
    if (this.#delivery === 'socket') unguard(this.#exchange as NodeExchange)
    // A hub is closed together with its server, which would wait for a connection that is kept alive.
    this.#exchange.end(reason === 'shutdown', this.#hub.patienceMs)
  }

  /** @internal A write threw, so it is unknown how much of the stream is out. */
  fail(): void {
    this.#reason ??= 'error'
    this.destroy()
  }

  /** @internal Cuts the connection. */
  destroy(): void {
    if (this.#released) this.#left()
    else this.#exchange.cut()
  }

  get #ending(): boolean {
    return this.#reason !== undefined || this.#closed
  }

  get #backlog(): number {
    return native(() => this.#hub.connections.native.pendingBytes(this.id))
  }

  #sendWhole(value: unknown, event: string | undefined, characters: Characters): boolean {
    const whole = typeof value === 'object' && value !== null && 'data' in value
    const { data, ...rest }: EventInit = whole ? value : { data: value }
    return this.#sendData(data, { event, ...rest }, characters)
  }

  #sendData(value: unknown, event: EventFields, characters: Characters): boolean {
    const data = characters.of(value)
    // A chunk that is only a part of a character gives nothing to send yet.
    return (data === undefined && value !== undefined) || this.send(data, event)
  }

  /** Waits for a value, or for the end of the stream. */
  #unlessEnded<V>(value: V | PromiseLike<V>): Promise<V | undefined> {
    return new Promise((resolve, reject) => {
      const check = () => this.#ending && resolve(undefined)
      this.#watchers.add(check)
      Promise.resolve(value).then(resolve, reject).finally(() => this.#watchers.delete(check))
    })
  }

  /** Waits until something was written, or the stream ends. */
  #changed(): Promise<void> {
    return new Promise(resolve => {
      const changed = () => {
        this.#watchers.delete(changed)
        resolve()
      }
      this.#watchers.add(changed)
    })
  }

  /** Lets a source clean up. This is not awaited: a source that waits for something itself would not return. */
  #stop(iterator: Iterator<unknown> | AsyncIterator<unknown>): void {
    Promise.resolve()
      .then(() => iterator.return?.())
      .catch(() => {})
  }

  /** The exchange is over: it has ended, the client left, or the application ended the response. */
  #left(): void {
    this.#closed = true
    // A connection of HTTP/2 keeps the limit: others of its streams may need it.
    if (this.#unlimitPeer && !this.#exchange.http2Session) attempt(this.#unlimitPeer)
    const reason = this.#reason ?? this.#asked ?? (this.#exchange.isEnded ? 'server' : 'client')
    // If an engine thread still has the connection, `end` follows later, with the first reason: an engine thread that
    // cuts a connection shuts the socket down before it gives its reason.
    if (this.#hub.connections.native.remove(this.id, reason)) this.#finish(reason)
  }

  /** Nothing is left of the connection, here or in the hub. */
  #finish(reason: Reason): void {
    if (this.#over) return
    this.#over = true
    this.#reason ??= reason
    this.#hub.connections.remove(this.id)
    this.#hub.removeSession(this)
    this.#controller?.abort()
    this.#watchers.forEach(watcher => watcher())
    this.#resolve(this.#reason)
  }
}
