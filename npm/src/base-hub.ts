import type { Http2Session } from 'node:http2'
import { checkObject, native, refuseUnknown, SsecastError } from './error.js'
import { type EventFields, type EventInit, whole } from './event.js'
import { attempt } from './exchange.js'
import { addressesOf, Listener, type ListenOptions } from './listener.js'
import { LoopConnections, type Reason } from './loop-connections.js'
import { checkTopic } from './topic.js'
import { UnreadSignals } from './unread-signals.js'
import { described } from './value.js'

/** How a hub behaves. Everything has a default that suits a web application. */
export interface HubOptions {
  /** What each topic keeps for clients that come back; `null` turns a cap off. */
  history?: {
    /** The most events; 0 keeps none. Default 1000. */
    events?: number | null
    /** The most memory that its events may take, in bytes; an event takes 128 more than its encoded bytes. Default 8 MiB. */
    bytes?: number | null
    /** The longest time in milliseconds. Default 300 000. */
    ms?: number | null
  }
  /** When a client counts as slow, and what happens then. */
  slowClient?: {
    /** The most bytes that may wait for one client. Default 1 MiB. */
    bytes?: number
    /** The longest time in milliseconds without taking anything. Default 30 000. */
    ms?: number
    /** End the connection (it comes back and resumes), or skip to the newest event. Default `disconnect`. */
    policy?: 'disconnect' | 'skip'
  }
  /** The silence in milliseconds after which a heartbeat is sent; `null` sends none. Default 15 000. */
  heartbeatMs?: number | null
  /** The reconnection time in milliseconds that clients are told; `null` tells none. Default 2 000. */
  retryMs?: number | null
  /** The type of the event that tells a client of lost events; `false` sends none. Default `reset`. */
  resetEvent?: string | false | null
  /** The most connections. Further clients are refused for the moment: browsers come back, others get 503. Default 100 000. */
  maxConnections?: number
  /** The most topics. Default 100 000. */
  maxTopics?: number
  /** The most bytes of one encoded event. Default 1 MiB. */
  maxEventBytes?: number
  /**
   * The most bytes of events that were published or sent, and that connections were not offered yet. Beyond it `publish` and
   * `send` throw `SSECAST_BACKLOG_FULL`; while nothing waits, one event of any size is taken. No client may lag by more.
   * Default 64 MiB.
   */
  maxBacklogBytes?: number
  /** How long a topic that has ended is known, in milliseconds; then it is forgotten. Default 60 000. */
  keepEndedMs?: number
  /**
   * `auto`: threads of the engine write to the sockets where that is possible, so that a stream costs the event loop
   * nothing. `pull`: the event loop writes. Default `auto`.
   */
  delivery?: 'auto' | 'pull'
  /** The number of engine threads for this hub alone. By default all hubs share threads: one fewer than there are cores, at least one and at most four. */
  threads?: number
}

/** How to close a hub. */
export interface CloseOptions {
  /** A last event for every connection. */
  event?: EventInit
  /** How long connections may take to get what is pending for them. Default 1 000. */
  graceMs?: number
}

/** What became of a publication. */
export interface Published {
  /** The event's id: the publisher's own, or `<epoch>-<sequence>`; `null` if the hub is closed: nothing is published then. */
  id: string | null
  /** The connections of this process that read the topic at that moment. */
  subscribers: number
}

/** What a hub holds now and has done since it was made. */
export interface Stats {
  connections: number
  topics: number
  /** With a store, what all processes have published in this life of its log. */
  published: number
  /** Events handed over, counted once for each connection. */
  delivered: number
  /** Bytes handed over, without the framing of HTTP. */
  bytes: number
  historyEvents: number
  /** Bytes of memory that events cost: the history, and what slow clients still need. */
  heldBytes: number
  /** Connections that have not taken all they were offered. */
  lagging: number
  /** The bytes that the slowest of them has not taken. */
  lagBytes: number
  /** Bytes that were published or sent and that neither the engine nor the event loop has offered to its connections yet. */
  backlogBytes: number
  /** Clients that were told that they can have no stream for the moment: the hub was full or closing, or a router did not answer in time. */
  refused: number
  /** How the hub's store is: `unopened` before the first event or connection, `degraded` while it fails. Not there without a store. */
  store?: 'unopened' | 'ready' | 'degraded'
  disconnects: Record<Reason, number>
  resets: Record<'epoch' | 'expired' | 'unknown' | 'lagged', number>
}

/** A stream of a hub that the event loop knows. */
interface Stream {
  /** Cuts the connection. */
  destroy(): void
}

/** The property by which a hub is recognised, also one of another copy of this package. */
const MARK = Symbol.for('ssecast.Hub')

/** Node's timers take no more milliseconds than this. */
const LONGEST_TIMER = 2 ** 31 - 1

/** What every hub is: topics, their history, and the connections that read them. */
export abstract class BaseHub {
  /** @internal */
  readonly connections: LoopConnections
  /** @internal A pipe pauses while more bytes than this are pending for its client. */
  readonly pipeBytes: number
  /** @internal How long a client may take nothing. */
  readonly patienceMs: number
  /** @internal */
  protected readonly unreadSignals: UnreadSignals
  readonly #sessions = new Set<Stream>()
  /** The open ones. */
  readonly #listeners = new Set<Listener>()
  /** Whether a listener was ever opened. Its streams are no sessions, and may outlive it. */
  #hasListened = false
  /** The HTTP/2 sessions that carry streams of this hub, or did. */
  readonly #http2Sessions = new Set<Http2Session>()
  #emptied: (() => void) | undefined
  #closing: Promise<void> | undefined

  /** @internal */
  readonly [MARK] = true

  /** Use {@link createHub}. */
  constructor(options: HubOptions = {}) {
    checkObject(options, 'options', '{ heartbeatMs: 15_000 }')
    this.pipeBytes = Math.min(64 << 10, (options.slowClient?.bytes ?? Infinity) / 2)
    this.patienceMs = options.slowClient?.ms ?? 30_000
    this.connections = new LoopConnections(options)
    this.unreadSignals = new UnreadSignals(this.connections.native)
  }

  /** Publishes an event to every connection that reads the topic, and keeps it for clients that come back. */
  abstract publish(topic: string, data: unknown, fields?: EventFields): Published | Promise<Published>

  /** Ends a topic, for good. */
  abstract endTopic(topic: string): void | Promise<void>

  /**
   * A signal for what produces the events of a topic. It aborts when the topic has had a reader since this call, and then none
   * for so long: clients that come back in time don't count. With a store, the readers of all processes count; those of a
   * process that was killed do for 15 seconds more. It aborts no more when the topic has ended, or the hub was closed.
   *
   * @param afterMs default 10 000
   * @example
   * const signal = hub.whenUnread('answer-7')
   * const { textStream } = streamText({ model, prompt, abortSignal: signal })
   */
  whenUnread(topic: string, afterMs = 10_000): AbortSignal {
    checkTopic(topic, "whenUnread('answer-7')")
    if (typeof afterMs === 'number' && afterMs >= 0 && afterMs <= LONGEST_TIMER) return this.unreadSignals.add(topic, afterMs)
    const problem = `must be a number of milliseconds from 0 to ${LONGEST_TIMER}, not ${described(afterMs)}`
    throw new SsecastError('SSECAST_INVALID_OPTION', 'afterMs', problem)
  }

  /**
   * Writes the counters as OpenMetrics text, which Prometheus scrapes: the body of a response whose `Content-Type` is
   * `application/openmetrics-text; version=1.0.0; charset=utf-8`. The names are the same in every language.
   *
   * @example
   * app.get('/metrics', (req, res) => {
   *   res.type('application/openmetrics-text; version=1.0.0; charset=utf-8').send(hub.metrics())
   * })
   */
  metrics(): string {
    return native(() => this.connections.native.metrics())
  }

  /** Reads the counters. */
  stats(): Stats {
    return native(() => this.connections.native.stats()) as unknown as Stats
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.connections.native.closed
  }

  /**
   * Opens an HTTP/1.1 port that serves the hub's streams, for programs without an HTTP server. Engine threads read the
   * requests and write the streams, also with `delivery: 'pull'`. For TLS and HTTP/2, put a proxy in front of it.
   *
   * The listener keeps the process alive until it or the hub is closed.
   *
   * @throws {SsecastError} `SSECAST_INVALID_OPTION`, also if the port is in use or the host is unknown
   * @example
   * const { port } = await hub.listen({ port: 3000, topics: request => [`user-${request.query.get('user')}`] })
   */
  async listen(options: ListenOptions): Promise<Listener> {
    const addresses = await addressesOf(options)
    const listener: Listener = new Listener(this.connections.native, addresses, options, () => this.#listeners.delete(listener))
    this.#listeners.add(listener)
    this.#hasListened = true
    return listener
  }

  /**
   * Closes the hub and its listeners: refuses publications and connections, lets every connection have what is
   * pending for it, then the last event and a jittered reconnection time, and ends it. After the grace period the
   * rest is cut off. The promise resolves when every stream has ended, so that the server's own `close()` can finish.
   */
  close(options: CloseOptions = {}): Promise<void> {
    const { event, graceMs } = checkedClose(options)
    native(() => this.connections.native.closer()(graceMs, ...(event ? whole(event) : [])))
    if (this.#closing) return this.#closing
    // The server's own `close` waits for these sessions, and a client that reconnects must not use them. Their other
    // requests go on.
    for (const session of this.#http2Sessions) attempt(() => session.close())
    const listeners = [...this.#listeners].map(listener => listener.close())
    const streams = new Promise<void>(resolve => (this.#hasListened ? this.connections.native.awaitEnd(resolve) : resolve()))
    const sessions = new Promise<void>(resolve => {
      const cut = setTimeout(() => this.#sessions.forEach(session => session.destroy()), graceMs)
      this.#emptied = () => {
        clearTimeout(cut)
        resolve()
      }
      if (this.#sessions.size === 0) this.#emptied()
    })
    this.#closing = Promise.all([...listeners, streams, sessions]).then(() => {})
    return this.#closing
  }

  /** @internal Notes an HTTP/2 session that carries a stream. */
  noteHttp2Session(session: Http2Session): void {
    if (this.#http2Sessions.has(session)) return
    this.#http2Sessions.add(session)
    session.once('close', () => this.#http2Sessions.delete(session))
  }

  /** @internal */
  addSession(session: Stream): void {
    this.#sessions.add(session)
  }

  /** @internal */
  removeSession(session: Stream): void {
    this.#sessions.delete(session)
    if (this.#sessions.size === 0) this.#emptied?.()
  }
}

/** The options of `close`, but for what is in the event. */
export function checkedClose(options: CloseOptions): { event: EventInit | undefined; graceMs: number } {
  refuseUnknown(options, ['event', 'graceMs'])
  const { event, graceMs = 1000 } = options
  if (typeof graceMs === 'number' && graceMs >= 0 && graceMs <= LONGEST_TIMER) return { event, graceMs }
  const problem = `must be a number of milliseconds from 0 to ${LONGEST_TIMER}, not ${graceMs}`
  throw new SsecastError('SSECAST_INVALID_OPTION', 'graceMs', problem)
}

/** Whether a value is a hub, of this copy of the package or another, or a copy of a hub's properties. */
export function isHub(value: unknown): boolean {
  return typeof value === 'object' && value !== null && MARK in value
}
