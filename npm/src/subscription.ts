import { replayOf, topicsOf } from './answers.js'
import type { BaseHub } from './base-hub.js'
import { invalidOption as invalid, native, refuseUnknown, SsecastError } from './error.js'
import type { LoopConnection, Reason } from './loop-connections.js'
import { createParser, type EventSourceMessage } from './parser/index.js'
import { described } from './value.js'

/** Where a subscription begins, and what ends it. */
export interface SubscribeOptions {
  /** The id of the last event that the reader has: it gets what came later. */
  lastEventId?: string | null | undefined
  /** What it begins with if it has none: so many of the last events of its topics together, or `'all'` that are kept. Default 0. */
  replay?: number | 'all' | undefined
  /** Ends the subscription when it aborts. */
  signal?: AbortSignal | undefined
}

const KNOWN = ['lastEventId', 'replay', 'signal']

type Result = IteratorResult<EventSourceMessage, undefined>

const DONE: Result = { done: true, value: undefined }

/** Ends the connections of subscriptions that were dropped without `return`. */
const dropped = new FinalizationRegistry<SubscriptionReader>(reader => reader.close())

/**
 * A hub's events in this process, made by `hub.subscribe`: iterate over it with `for await`.
 *
 * It is a client like any other: it has a place in the history, not a queue. One that is too slow is told of what it missed
 * by a reset event. The iteration ends when the hub is closed, when all of its topics have ended, at `break`, and when the
 * signal aborts.
 */
export class Subscription implements AsyncIterableIterator<EventSourceMessage> {
  // TypeScript before 5.6 knows no second parameter of it.
  readonly #reader: SubscriptionReader

  /** @internal Registers the connection. */
  constructor(hub: BaseHub, topics: unknown, options: SubscribeOptions = {}) {
    refuseUnknown(options, KNOWN, 'options', "{ lastEventId: '…' }")
    const { lastEventId, replay, signal } = options
    if (typeof (lastEventId ?? '') !== 'string') throw invalid('lastEventId', `must be a string, not ${described(lastEventId)}`)
    if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid('signal', `must be an AbortSignal, not ${described(signal)}`)
    const names = topicsOf(typeof topics === 'string' ? [topics] : topics)
    this.#reader = new SubscriptionReader(hub, names, lastEventId ?? '', replayOf(replay), signal)
    dropped.register(this, this.#reader)
  }

  /** Where this reader is, behind the last event that it was given: what a later `subscribe` continues from. */
  get lastEventId(): string {
    return this.#reader.lastEventId
  }

  /** Gives the next event. Several calls get one each, in their order. */
  next(): Promise<Result> {
    return this.#reader.next()
  }

  /** Ends the subscription, and every call of `next` that waits. Ending it twice is fine. */
  async return(): Promise<Result> {
    this.#reader.close()
    return DONE
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

/** A call of `next` that waits. */
interface Waiter {
  resolve(result: Result): void
  reject(error: unknown): void
}

/** The connection of a subscription, and what has come over it. */
class SubscriptionReader implements LoopConnection {
  readonly #hub: BaseHub
  readonly #topics: readonly string[]
  readonly #signal: AbortSignal | undefined
  readonly #parser = createParser({ onEvent: event => void this.#events.push(event), maxEventBytes: Infinity })
  /** The events of the last batch, and how many of them were given. */
  #events: EventSourceMessage[] = []
  #given = 0
  #waiters: Waiter[] = []
  /** Nothing, if the hub has ended the connection because the reader was too slow. */
  #connection: number | undefined
  #isPaused = false
  #isClosed = false
  /** The place behind the last event that was given while others wait. */
  #lastEventId: string

  constructor(hub: BaseHub, topics: readonly string[], lastEventId: string, replay: number, signal: AbortSignal | undefined) {
    this.#hub = hub
    this.#topics = topics
    this.#signal = signal
    this.#lastEventId = lastEventId
    if (signal?.aborted) this.#isClosed = true
    else this.#open(replay)
    if (!this.#isClosed) signal?.addEventListener('abort', this.#abort)
  }

  get lastEventId(): string {
    // An id without an event is a place, too.
    return (this.#events.length === 0 && this.#parser.lastEventId) || this.#lastEventId
  }

  readonly #abort = () => this.close()

  next(): Promise<Result> {
    const event = this.#shift()
    if (event) return Promise.resolve({ done: false, value: event })
    if (!this.#isClosed && this.#connection === undefined) {
      // It comes back as a browser would, and learns what it missed.
      try {
        this.#open(0)
      } catch (error) {
        this.close()
        if (!(error instanceof SsecastError) || !['SSECAST_CLOSED', 'SSECAST_TOPIC_ENDED'].includes(error.code)) return Promise.reject(error)
      }
    }
    if (this.#isClosed) return Promise.resolve(DONE)
    this.#takeMore()
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
      keepAlive(this)
    })
  }

  close(): void {
    if (this.#connection !== undefined) this.#hub.connections.native.remove(this.#connection, 'server')
    // What was not given stays missing from the place.
    this.#given = this.#events.length
    this.#end()
  }

  /** @internal Takes no more bytes while some of these events wait for a call of `next`. */
  write(bytes: Uint8Array): boolean {
    this.#parser.feed(bytes)
    this.#serve()
    this.#isPaused = this.#given < this.#events.length
    return !this.#isPaused
  }

  /** @internal */
  drained(): void {}

  /** @internal */
  fail(): void {
    this.close()
  }

  /** @internal */
  end(reason: Reason): void {
    if (reason !== 'lagged') return this.#end()
    this.#forget()
    // Calls of `next` wait only while nothing is left, and then it has lost nothing.
    for (const { resolve, reject } of this.#waiters.splice(0)) this.next().then(resolve, reject)
  }

  #open(replay: number): void {
    const { connections } = this.#hub
    this.#connection = native(() => connections.native.open([...this.#topics], this.lastEventId, replay))
    connections.add(this.#connection, this)
    connections.native.resume(this.#connection)
    this.#isPaused = false
  }

  #shift(): EventSourceMessage | undefined {
    const event = this.#events[this.#given]
    if (!event) return undefined
    this.#lastEventId = event.lastEventId
    if (++this.#given === this.#events.length) {
      this.#events = []
      this.#given = 0
    }
    return event
  }

  #serve(): void {
    while (this.#waiters.length > 0) {
      const event = this.#shift()
      if (!event) break
      this.#waiters.shift()!.resolve({ done: false, value: event })
    }
    if (this.#waiters.length === 0) letGo(this)
  }

  #takeMore(): void {
    if (!this.#isPaused || this.#connection === undefined) return
    this.#isPaused = false
    this.#hub.connections.native.resume(this.#connection)
  }

  #forget(): void {
    if (this.#connection !== undefined) this.#hub.connections.remove(this.#connection)
    this.#connection = undefined
    this.#parser.reset()
  }

  #end(): void {
    this.#isClosed = true
    this.#forget()
    this.#signal?.removeEventListener('abort', this.#abort)
    letGo(this)
    for (const { resolve } of this.#waiters.splice(0)) resolve(DONE)
  }
}

/** Node's timers take no more milliseconds than this. */
const LONGEST_TIMER = 2 ** 31 - 1

/** Those with a call of `next` that waits: they must not be collected, and keep the process alive. */
const waiting = new Set<SubscriptionReader>()
let timer: NodeJS.Timeout | undefined

function keepAlive(reader: SubscriptionReader): void {
  if (waiting.size === 0) timer = setInterval(() => {}, LONGEST_TIMER)
  waiting.add(reader)
}

function letGo(reader: SubscriptionReader): void {
  if (waiting.delete(reader) && waiting.size === 0) clearInterval(timer)
}
