import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { serialise } from './data.js'
import { named, native, refuseUnknown } from './error.js'
import { checkFields, type EventFields, type EventInit, given } from './event.js'
import { attempt, type Exchange } from './exchange.js'
import type { Hub } from './hub.js'
import type { Reason, Sink } from './pull.js'
import { guard, limitPeer, type Plain, socketOf, unguard } from './socket.js'
import { Characters, iteratorOf } from './source.js'
import { isTurnOver, nextTurn } from './turn.js'
import { isPromise } from './value.js'

/** A request of node:http, https, or http2's compatibility API. */
export type Request = IncomingMessage | Http2ServerRequest
/** A response of node:http, https, or http2's compatibility API. */
export type Response = ServerResponse | Http2ServerResponse

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

/** One open stream. The hub's events go to it by themselves; its methods are for what is this client's alone. */
export class Session implements Sink {
  /** The request as Node has it. */
  readonly request: Request
  /** The last event ID that the client came with; empty if it has none. */
  readonly lastEventId: string
  /** Resolves, never rejects, when the stream has ended, with the reason. */
  readonly closed: Promise<Reason>
  /** The connection's number, unique within its hub. */
  readonly id: number

  readonly #hub: Hub
  readonly #exchange: Exchange
  readonly #topics: Set<string>
  #delivery: 'socket' | 'pull' = 'pull'
  #released = false
  #unlimitPeer: (() => void) | undefined
  #resolve!: (reason: Reason) => void
  #reason: Reason | undefined
  /** Why the application ends the stream: that comes first, even if the connection goes before all is out. */
  #asked: Reason | undefined
  #isStarted = false
  /** Nothing can be written to the client any more. */
  #closed = false
  /** The stream has ended. */
  #over = false
  #controller: AbortController | undefined
  /** What waits for something to be written, or for the end. */
  readonly #watchers = new Set<() => void>()

  /** @internal Registers the connection; throws if the hub refuses it, and then nothing has been written. */
  constructor(hub: Hub, exchange: Exchange, topics: readonly string[], lastEventId: string) {
    this.#hub = hub
    this.#exchange = exchange
    this.request = exchange.request
    this.lastEventId = lastEventId
    this.#topics = new Set(topics)
    this.closed = new Promise(resolve => (this.#resolve = resolve))
    this.id = native(() => hub.pull.hub.open([...topics], lastEventId))
    hub.pull.add(this.id, this)
    hub.sessions.add(this)
    if (exchange.http2Session) hub.carriedBy(exchange.http2Session)
    exchange.watch({ ended: () => this.#left(), drained: () => hub.pull.hub.resume(this.id) })
  }

  /** The topics that this stream reads. */
  get topics(): string[] {
    return [...this.#topics]
  }

  /**
   * The way that the bytes go out: an engine thread writes to the socket, or the event loop does. It is chosen when
   * the response's head is out, which is before `onConnect` unless the client is slow to take even that, or a route of
   * Koa's follows.
   */
  get delivery(): 'socket' | 'pull' {
    return this.#delivery
  }

  /** Aborts when the stream has ended: for whatever works on behalf of this client. */
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
    const { send } = this.#hub.pull
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
    return native(() => this.#hub.pull.send(this.id, undefined, 8, undefined, undefined, undefined, text))
  }

  /** Reads more topics, from now on. */
  subscribe(...topics: string[]): void {
    if (native(() => this.#hub.pull.hub.changeTopics(this.id, topics, []))) topics.forEach(topic => this.#topics.add(topic))
  }

  /** Stops reading topics. */
  unsubscribe(...topics: string[]): void {
    native(() => this.#hub.pull.hub.changeTopics(this.id, [], topics))
    topics.forEach(topic => this.#topics.delete(topic))
  }

  /**
   * Sends every value of an iterable as an event, waiting while the client is slow, and now and then for the other work
   * of the event loop. Chunks of bytes are UTF-8, and may be cut inside of a character. When the client leaves, the
   * iterable is returned from, so that its source stops. The stream stays open afterwards.
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
        // What `for await` would give: a synchronous iterable may have promises.
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
    if (!this.#ending) native(() => this.#hub.pull.hub.end(this.id, reason))
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
    if (!this.#ending) native(() => this.#hub.pull.hub.finish(this.id))
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
    const { hub } = this.#hub.pull
    const plain = hub.attaches ? socketOf(this.#exchange) : undefined
    if (!plain) this.#pull()
    // Whatever Node still holds must go out first.
    else if (plain.isFlushed()) this.#attach(plain, release)
    else plain.socket.write('', () => (plain.isFlushed() ? this.#attach(plain, release) : this.#pull()))
    return true
  }

  /** The event loop writes the stream. */
  #pull(): void {
    const { hub } = this.#hub.pull
    const { connection } = this.#exchange
    // A socket may be of another kind, or gone: the stream works without the limit.
    if (connection) attempt(() => (this.#unlimitPeer = limitPeer(hub, connection)))
    hub.resume(this.id)
  }

  #attach(plain: Plain, release: boolean): void {
    if (this.#over) return
    const { hub } = this.#hub.pull
    try {
      hub.attachSocket(this.id, plain.descriptor, plain.chunked, release)
    } catch {
      return this.#pull()
    }
    this.#delivery = 'socket'
    if (release) {
      this.#released = true
      this.#exchange.release()
      guard(plain)
      plain.socket.destroy()
    } else {
      guard(plain, () => hub.writes(this.id))
    }
  }

  /** @internal There will be no stream after all: the response's head could not be written. */
  discard(): void {
    this.#reason = 'error'
    this.#left()
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
    if (this.#delivery === 'socket') unguard(this.#exchange)
    // A hub closes because its server does, which would wait for a connection that is kept alive.
    this.#exchange.end(reason === 'shutdown', this.#hub.patienceMs)
  }

  /** @internal Something failed while the stream was written: how much of it is out is unknown. */
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
    return native(() => this.#hub.pull.hub.pendingBytes(this.id))
  }

  #sendWhole(value: unknown, event: string | undefined, characters: Characters): boolean {
    const whole = typeof value === 'object' && value !== null && 'data' in value
    const { data, ...rest }: EventInit = whole ? value : { data: value }
    return this.#sendData(data, { event, ...rest }, characters)
  }

  #sendData(value: unknown, event: EventFields, characters: Characters): boolean {
    const data = characters.of(value)
    // Of a chunk that is only a part of a character there is nothing to be sent yet.
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

  /** Lets a source clean up. It may never get to it, if it waits for something; so nobody waits for it. */
  #stop(iterator: Iterator<unknown> | AsyncIterator<unknown>): void {
    Promise.resolve()
      .then(() => iterator.return?.())
      .catch(() => {})
  }

  /** The exchange is over: by its end, or because the client left, or the application ended it. */
  #left(): void {
    this.#closed = true
    // A connection of HTTP/2 keeps the limit: others of its streams may need it.
    if (this.#unlimitPeer && !this.#exchange.http2Session) attempt(this.#unlimitPeer)
    const reason = this.#reason ?? this.#asked ?? (this.#exchange.response.writableEnded ? 'server' : 'client')
    // If an engine thread has still to let go of the connection, `end` follows, with the reason of whoever was first:
    // an engine thread that cuts the connection shuts the socket down before it says why.
    if (this.#hub.pull.hub.remove(this.id, reason)) this.#finish(reason)
  }

  /** Nothing is left of the connection, here or in the hub. */
  #finish(reason: Reason): void {
    if (this.#over) return
    this.#over = true
    this.#reason ??= reason
    this.#hub.pull.remove(this.id)
    this.#hub.forget(this)
    this.#controller?.abort()
    this.#watchers.forEach(watcher => watcher())
    this.#resolve(this.#reason)
  }
}
