import type { IncomingMessage } from 'node:http'
import { replayOf, topicsOf } from './answers.js'
import { Cors, type CorsDecision, type CorsOption, type CorsOrigins, plainCors } from './cors.js'
import { invalidOption as invalid, refuseUnknown } from './error.js'
import { type HeaderFields, type Headers, headersOf } from './headers.js'
import type { Authorization } from './refusal.js'
import type { Request } from './request.js'
import type { Session } from './session.js'
import { described } from './value.js'

/** A request as Node has it, with what a framework adds to it. */
export interface AnyRequest extends IncomingMessage {
  [property: string]: any
}

/** How a middleware opens streams. Its functions get the request, or Koa's context; each may be async. */
export interface MiddlewareOptions<Context = AnyRequest, R = Request> {
  /** The topics of a stream. With it the middleware takes the response over; without, it calls the next one. */
  topics?: readonly string[] | ((context: Context) => readonly string[] | Promise<readonly string[]>)
  /** Whether the client may have the stream. False answers 403; a status, or `{ status, headers, body }`, answers that. */
  authorize?: (context: Context) => Authorization | Promise<Authorization>
  /**
   * More headers for the response. What makes it a stream stays: its type, its framing, and that nothing stores or
   * transforms it; a stricter `Cache-Control` is kept.
   */
  headers?: HeaderFields | ((context: Context) => HeaderFields | Promise<HeaderFields>)
  /**
   * Lets pages of other origins read the stream: all, one, some, those that a function allows, or with cookies.
   * Preflights are answered, and refusals can be read, too.
   */
  cors?: CorsOption<CorsOrigins | CorsDecision<R>>
  /** The last event ID, if not from the header `Last-Event-ID`. Of several, as a query may have them, the first counts. */
  lastEventId?: (context: Context) => LastEventId | Promise<LastEventId>
  /**
   * What a stream begins with whose client has no last event ID: so many of the last events of its topics together, or
   * `'all'` that are kept. Then it goes on live, without a gap. Default 0. It needs `topics`.
   */
  replay?: number | 'all'
  /**
   * The methods of requests that get a stream; others are left to the next middleware. By default GET, and any method
   * that a route of Express is for; without `topics` all but OPTIONS. With GET comes HEAD, which gets the head alone.
   */
  methods?: readonly string[]
  /**
   * Gives Node's socket up once an engine thread has the connection, so that an idle stream costs a kilobyte instead
   * of twenty. The connection ends with the stream, and `server.close()` no longer waits for it: use `hub.close()`.
   */
  release?: boolean
  /** Called with each new session. What it throws or rejects with ends the stream. */
  onConnect?: (session: Session<R>) => unknown
}

type LastEventId = string | readonly string[] | null | undefined

/** The options, checked. */
export interface Checked {
  topics: readonly string[] | ((context: unknown) => unknown) | undefined
  authorize: ((context: unknown) => unknown) | undefined
  headers: Headers | ((context: unknown) => unknown)
  cors: Cors | undefined
  lastEventId: ((context: unknown) => unknown) | undefined
  replay: number
  methods: readonly string[] | undefined
  release: boolean
  onConnect: ((session: Session) => unknown) | undefined
}

export const KNOWN = ['topics', 'authorize', 'headers', 'cors', 'lastEventId', 'replay', 'methods', 'release', 'onConnect']

/** Checks the options of a middleware, or of what else opens streams: `known` are the names of those that it has. */
export function checked(options: unknown, known = KNOWN): Checked {
  refuseUnknown(options, known, 'options', "{ topics: ['ticks'] }")
  const { topics, headers, release, methods, cors, replay } = options as MiddlewareOptions<any>
  const plain = plainCors(cors)
  const result: Checked = {
    topics: typeof topics === 'function' || topics === undefined ? topics : topicsOf(topics),
    authorize: functionOf(options as MiddlewareOptions<any>, 'authorize'),
    headers: typeof headers === 'function' ? headers : headersOf(headers, plain !== undefined),
    cors: plain && new Cors(plain),
    lastEventId: functionOf(options as MiddlewareOptions<any>, 'lastEventId'),
    replay: replayOf(replay),
    methods: methodsOf(methods),
    release: release ?? false,
    onConnect: functionOf(options as MiddlewareOptions<any>, 'onConnect')
  }
  if (result.replay > 0 && topics === undefined) throw invalid('replay', 'needs topics: without them a stream has no history')
  if (typeof result.release !== 'boolean') throw invalid('release', `must be true or false, not ${described(release)}`)
  return result
}

function functionOf(options: MiddlewareOptions<any>, name: 'authorize' | 'lastEventId' | 'onConnect') {
  const value: unknown = options[name]
  if (value === undefined || typeof value === 'function') return value as ((argument: unknown) => unknown) | undefined
  throw invalid(name, `must be a function, not ${described(value)}`)
}

function methodsOf(methods: unknown): readonly string[] | undefined {
  if (methods === undefined) return undefined
  const isMethod = (method: unknown) => typeof method === 'string' && /^[A-Z]+$/.test(method) && method !== 'OPTIONS'
  if (Array.isArray(methods) && methods.length > 0 && methods.every(isMethod)) return [...methods]
  throw invalid('methods', `must be an array such as ['GET', 'POST'], not ${Array.isArray(methods) ? JSON.stringify(methods) : described(methods)}`)
}
