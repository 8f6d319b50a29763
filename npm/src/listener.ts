import { lookup } from 'node:dns/promises'
import type { NativeHub, NativeListener, NativeOriginDecision, NativeRequest, NativeResponder } from '../native.cjs'
import { addon } from './addon.js'
import { replayOf } from './answers.js'
import { type CorsDecision, type CorsOption, type CorsOrigins, decided, nativeCors, plainCors } from './cors.js'
import { native, refuseUnknown, SsecastError } from './error.js'
import { type Authorization, refusalOf } from './refusal.js'
import { described } from './value.js'

/** A request for a stream. */
export interface ListenerRequest {
  /** `HEAD` is answered like `GET`, but for the stream. */
  readonly method: string
  /** The path and the query as the client sent them. */
  readonly url: string
  /** The path, decoded: an encoded slash is a slash here. */
  readonly path: string
  /** The query, decoded. */
  readonly query: URLSearchParams
  /** By their names in lower case, as Node has them. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** The other end of the connection: a proxy, if there is one. */
  readonly peer: { readonly address: string; readonly port: number }
  /** The last event ID that the client comes with; empty if it has none. */
  readonly lastEventId: string
}

/** What a request gets: a stream of topics, or a status from 400 to 599, or 204, by which a browser stays away. */
export type Answer = readonly string[] | number

/** Where a listener listens, and what it answers. Its functions run on the event loop. */
export interface ListenOptions {
  /** Default 0: any that is free. */
  port?: number
  /** A name or an address. Default `127.0.0.1`: this machine alone. */
  host?: string
  /** The path of the streams; any other is answered 404. Without it every path is one. */
  path?: string
  /** The topics of a stream, or what else the request gets. What it throws or rejects with answers 500. */
  topics?: readonly string[] | ((request: ListenerRequest) => Answer | Promise<Answer>)
  /**
   * Instead of `topics`: a client reads those that it names, as in `/?topic=ticks&topic=news`. Every client that reaches
   * the listener may then read all topics, and make new ones.
   */
  queryTopics?: boolean
  /** Whether the client may have the stream; false answers 403, a status or `{ status, headers, body }` that. */
  authorize?: (request: ListenerRequest) => Authorization | Promise<Authorization>
  /**
   * What a stream begins with whose client has no last event ID: so many of the last events of its topics together, or
   * `'all'` that are kept. Default 0.
   */
  replay?: number | 'all'
  /** More headers for the responses that are streams. */
  headers?: Record<string, string>
  /**
   * Lets pages of other origins read the streams: all, one, some, those that a function decides on, or with cookies. Preflights
   * are answered, too.
   */
  cors?: CorsOption<CorsOrigins | CorsDecision<ListenerRequest>>
  /** The most bytes of a request's head; a longer one is answered 431. Default 16 KiB. */
  maxHeadBytes?: number
  /** The most headers of a request; more are answered 431. Default 100. */
  maxHeaders?: number
  /** How long a head may take; then it is answered 408. Default 10 000. */
  headMs?: number
  /** How long `cors`, `authorize` and `topics` may take together; then the request is answered 503. Default 30 000. */
  answerMs?: number
  /** The most connections without a stream: before their answer, and while a refusal goes out. Default 4096. */
  maxPending?: number
}

const KNOWN = [
  'port', 'host', 'path', 'topics', 'queryTopics', 'authorize', 'replay', 'headers', 'cors',
  'maxHeadBytes', 'maxHeaders', 'headMs', 'answerMs', 'maxPending'
]

/**
 * An HTTP/1.1 endpoint of a hub, outside of the event loop. Made by {@link Hub.listen}. It keeps the process alive
 * until it is closed; its streams alone do not.
 */
export class Listener {
  /** The address that it listens on. */
  readonly address: string
  /** The port that it listens on. */
  readonly port: number
  readonly #closed: () => void
  readonly #listener: NativeListener
  readonly #options: ListenOptions
  readonly #decides: CorsDecision | undefined
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(hub: NativeHub, addresses: string[], options: ListenOptions, closed: () => void) {
    this.#closed = closed
    this.#options = options
    const { host, authorize, topics, queryTopics, cors, replay, ...rest } = options
    const isAsked = authorize !== undefined || typeof topics === 'function'
    const origins = plainCors(cors)
    this.#decides = origins?.decides
    const plain = { ...rest, cors: origins && nativeCors(origins), replay: replayOf(replay), ...(isAsked ? {} : { topics, queryTopics }) }
    // The addon holds the function, and so all this, until the listener is closed.
    const ask = (request: NativeRequest, answer: NativeResponder | NativeOriginDecision) => {
      if ('decide' in answer) void this.#decide(request, answer)
      else void this.#answer(request, answer)
    }
    this.#listener = native(() => new (addon().NativeListener)(hub, addresses, plain, ask))
    this.address = this.#listener.address
    this.port = this.#listener.port
  }

  /**
   * Closes the listener: clients that have no stream yet are answered 503. Streams go on until the hub is closed, which
   * closes its listeners, too. The promise resolves when the port is free. Closing twice is fine.
   */
  close(): Promise<void> {
    this.#closed()
    this.#closing ??= this.#listener.close()
    return this.#closing
  }

  async #decide(asked: NativeRequest, decision: NativeOriginDecision): Promise<void> {
    try {
      const request = requestOf(asked)
      decision.decide(await decided(this.#decides!, request.headers['origin']!, request))
    } catch (error) {
      console.error(error)
      decision.fail()
    }
  }

  async #answer(asked: NativeRequest, responder: NativeResponder): Promise<void> {
    const { authorize, topics, queryTopics, cors } = this.#options
    try {
      const request = requestOf(asked)
      const refusal = authorize && refusalOf(await authorize(request), cors !== undefined && cors !== false)
      if (refusal) {
        const headers = refusal.headers.flatMap(([name, values]) => [values].flat().map(value => [name, value] as [string, string]))
        return native(() => responder.refuse(refusal.status, headers, refusal.body))
      }
      if (queryTopics) return responder.allowNamed(request.query.getAll('topic'))
      const answer = typeof topics === 'function' ? await topics(request) : topics
      if (typeof answer === 'number') return native(() => responder.refuse(answer))
      if (!Array.isArray(answer) || !answer.every(topic => typeof topic === 'string')) {
        throw new SsecastError('SSECAST_INVALID_TOPIC', 'topics', `must return an array of strings, or a status, not ${described(answer)}`)
      }
      native(() => responder.allow(answer))
    } catch (error) {
      console.error(error)
      responder.refuse(500)
    }
  }
}

/** Checks what JavaScript alone knows of the options, and looks the host's addresses up. */
export async function addressesOf(options: ListenOptions): Promise<string[]> {
  refuseUnknown(options, KNOWN, 'options', "{ port: 3000, topics: ['ticks'] }")
  const { host = '127.0.0.1', topics, queryTopics = false, authorize } = options
  const refuse = (field: string, problem: string, cause?: unknown) => {
    return new SsecastError('SSECAST_INVALID_OPTION', field, problem, { cause })
  }
  if ((topics === undefined) === !queryTopics) throw refuse('topics', "must be given, such as ['ticks'], or queryTopics: true, and not both")
  if (authorize !== undefined && typeof authorize !== 'function') throw refuse('authorize', `must be a function, not ${described(authorize)}`)
  const { port = 0 } = options
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw refuse('port', `must be a whole number from 0 to 65535, not ${described(port)}`)
  if (typeof host !== 'string') throw refuse('host', `must be a name or an address, not ${described(host)}`)
  if (!addon().NativeListener) throw refuse('listen', 'needs a Unix; here, use sseMiddleware')
  const found = await lookup(host, { all: true }).catch(error => {
    throw refuse('host', `can't be listened on: ${error.message}`, error)
  })
  return found.map(({ address }) => address)
}

function requestOf({ address, port, ...request }: NativeRequest): ListenerRequest {
  const [, query] = /^[^?]*\??(.*)$/s.exec(request.url)!
  return { ...request, query: new URLSearchParams(query), peer: { address, port } }
}
