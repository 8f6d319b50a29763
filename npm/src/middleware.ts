import { type ServerResponse, STATUS_CODES } from 'node:http'
import { isFinished } from '../native.cjs'
import { refuseUnknown, SsecastError } from './error.js'
import { createHub, Hub } from './hub.js'
import { type Request, type Response, Session } from './session.js'

/** How a middleware opens streams. Its functions get the request, or Koa's context. */
export interface MiddlewareOptions<Context = any> {
  /** The topics of a stream. With it the middleware takes the response over; without, it calls the next one. */
  topics?: readonly string[] | ((context: Context) => readonly string[] | Promise<readonly string[]>)
  /** Whether the client may have the stream; false answers 403. */
  authorize?: (context: Context) => boolean | Promise<boolean>
  /** More headers for the response. */
  headers?: Record<string, string> | ((context: Context) => Record<string, string>)
  /** Lets pages of other origins read the stream: any, one, or with cookies. */
  cors?: boolean | string | { origin: string | true; credentials?: boolean }
  /** The last event ID, if not from the header `Last-Event-ID`. */
  lastEventId?: (context: Context) => string | null | undefined
  /**
   * Gives Node's socket up once an engine thread has the connection, so that an idle stream costs a kilobyte instead
   * of twenty. The connection ends with the stream, and `server.close()` no longer waits for it: use `hub.close()`.
   */
  release?: boolean
  /** Called with each new session. What it throws or rejects with ends the stream. */
  onConnect?: (session: Session) => unknown
}

/** The part of Koa's context that is used. */
interface KoaContext {
  req: Request
  res: Response
  respond?: boolean
  sse?: Session
  onerror(error: unknown): void
}

/** What differs between the servers. */
interface Host {
  /** What the options' functions get. */
  context: unknown
  request: Request
  response: Response
  /** The response is the middleware's from here on. */
  take(): void
  /** Something failed when the stream was open already. */
  fail(error: unknown): void
}

type Next = (error?: unknown) => unknown

/** One function for Express 4 and 5, Koa 2 and 3, and the servers of node:http, https and http2. */
export interface Middleware {
  /** Express, Connect, and plain servers without `next`. */
  (request: any, response: any, next?: Next): Promise<void>
  /** Koa. */
  (context: any, next: () => Promise<any>): Promise<void>
  /** The hub whose events go out. */
  readonly hub: Hub
}

/** Koa 1 accepts only real generator functions. */
export type Koa1Middleware = ((this: any, next: any) => Generator<any, void, any>) & { readonly hub: Hub }

/** Seconds after which a refused client may try again. */
const RETRY_AFTER = 5

const KNOWN = ['topics', 'authorize', 'headers', 'cors', 'lastEventId', 'release', 'onConnect']

/**
 * Makes a middleware that opens event streams.
 *
 * With `topics` it takes the response over. Without, it opens a session, sets `req.sse` and `res.sse` (Koa:
 * `ctx.sse`), and calls the next middleware. Without a hub it makes one of its own: `middleware.hub`.
 *
 * @throws {SsecastError} `SSECAST_INVALID_OPTION` for an unknown option
 * @example
 * app.get('/stream', sseMiddleware(hub, { topics: req => ['news', `user-${req.user.id}`] }))
 */
export function sseMiddleware<Context = any>(hub?: Hub | null, options?: MiddlewareOptions<Context>): Middleware
export function sseMiddleware<Context = any>(options: MiddlewareOptions<Context>): Middleware
export function sseMiddleware(first?: Hub | MiddlewareOptions | null, second?: MiddlewareOptions): Middleware {
  const { hub, options } = parse(first, second)
  const middleware = (first: Request | KoaContext, second: Response | Next, next?: Next): Promise<void> =>
    typeof second === 'function'
      ? serveKoa(hub, options, first as KoaContext, second)
      : serveNode(hub, options, first as Request, second, next)
  return Object.assign(middleware, { hub })
}

/** The same as a generator function, for Koa 1. */
sseMiddleware.koa1 = (first?: Hub | MiddlewareOptions | null, second?: MiddlewareOptions): Koa1Middleware => {
  const { hub, options } = parse(first, second)
  const middleware = function* (this: KoaContext, next: unknown): Generator<any, void, any> {
    const outcome: Outcome = yield open(hub, options, koa(this))
    if (outcome === 'taken') return
    if (outcome !== 'passed') this.sse = outcome
    yield next
  }
  return Object.assign(middleware, { hub })
}

function parse(first?: Hub | MiddlewareOptions | null, second?: MiddlewareOptions) {
  const options = (first instanceof Hub || first == null ? second : first) ?? {}
  refuseUnknown(options, KNOWN)
  return { hub: first instanceof Hub ? first : createHub(), options }
}

function koa(context: KoaContext): Host {
  const { req: request, res: response } = context
  const take = () => void (context.respond = false)
  return { context, request, response, take, fail: error => context.onerror(error) }
}

async function serveKoa(hub: Hub, options: MiddlewareOptions, context: KoaContext, next: Next): Promise<void> {
  const outcome = await open(hub, options, koa(context))
  if (outcome === 'taken') return
  if (outcome !== 'passed') context.sse = outcome
  await next()
}

async function serveNode(
  hub: Hub,
  options: MiddlewareOptions,
  request: Request & { sse?: Session },
  response: Response & { sse?: Session },
  next?: Next
): Promise<void> {
  const fail = next ?? console.error
  try {
    const outcome = await open(hub, options, { context: request, request, response, take() {}, fail })
    if (outcome === 'taken') return
    if (outcome !== 'passed') request.sse = response.sse = outcome
    else if (!next) answer(response, 405, { Allow: 'GET, HEAD' })
  } catch (error) {
    fail(error)
    if (!next) answer(response, 500)
    return
  }
  next?.()
}

/** A session for the next middleware; or the response is taken over; or the request is none of ours. */
type Outcome = Session | 'taken' | 'passed'

async function open(hub: Hub, options: MiddlewareOptions, host: Host): Promise<Outcome> {
  const { context, request, response } = host
  if (request.method !== 'GET' && request.method !== 'HEAD') return 'passed'
  let left = false
  const emitter: NodeJS.EventEmitter = response
  emitter.once('close', () => (left = true))
  // A client that leaves meanwhile gets nothing, and nothing stays registered for it.
  const gone = () => left || request.socket?.destroyed
  const allowed = options.authorize ? await options.authorize(context) : true
  if (gone()) return taken()
  if (allowed !== true) return refuse(403)
  const topics = typeof options.topics === 'function' ? await options.topics(context) : options.topics
  if (gone()) return taken()
  if (topics !== undefined && !Array.isArray(topics)) {
    throw new SsecastError('SSECAST_INVALID_TOPIC', 'topics', `must be an array of strings, not ${typeof topics}`)
  }
  const headers = typeof options.headers === 'function' ? options.headers(context) : options.headers
  const lastEventId = options.lastEventId ? options.lastEventId(context) : header(request)
  if (isFinished(lastEventId ?? '')) return refuse(204)
  if (request.method === 'HEAD') {
    writeHead(request, response, options, headers)
    response.end()
    return taken()
  }
  let session: Session
  try {
    session = new Session(hub, request, response, topics ?? [], lastEventId ?? '')
  } catch (error) {
    const { code } = error as SsecastError
    if (code !== 'SSECAST_TOO_MANY_CONNECTIONS' && code !== 'SSECAST_CLOSED') throw error
    return refuse(503, { 'Retry-After': String(RETRY_AFTER) })
  }
  try {
    writeHead(request, response, options, headers)
  } catch (error) {
    session.discard()
    throw error
  }
  host.take()
  session.start(options.release === true)
  // Not awaited: a stream may well last as long as what it does.
  new Promise(resolve => resolve(options.onConnect?.(session))).catch(error => {
    session.close('error')
    host.fail(error)
  })
  return topics ? 'taken' : session

  function taken(): Outcome {
    host.take()
    return 'taken'
  }

  function refuse(status: number, headers?: Record<string, string>): Outcome {
    answer(response, status, headers)
    return taken()
  }
}

function answer(response: Response, status: number, headers: Record<string, string> = {}): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (status === 204) return void (response as ServerResponse).end()
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.end(STATUS_CODES[status] ?? '')
}

/** Writes the head. What others set before, such as cookies or CORS headers, stays. */
function writeHead(request: Request, response: Response, { cors }: MiddlewareOptions, headers: Record<string, string> = {}): void {
  // The only values that are not ours come first: if Node refuses one, nothing else is set for the error's response.
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.statusCode = 200
  response.removeHeader('Content-Length')
  response.setHeader('Content-Type', 'text/event-stream; charset=utf-8')
  // `no-transform` keeps compression from buffering the stream.
  response.setHeader('Cache-Control', 'no-cache, no-transform')
  response.setHeader('X-Accel-Buffering', 'no')
  if (cors) {
    const { origin, credentials = false } = typeof cors === 'object' ? cors : { origin: cors }
    // With credentials the origin must be named, not `*`.
    const named = origin === true && credentials ? request.headers.origin : origin
    response.setHeader('Access-Control-Allow-Origin', typeof named === 'string' ? named : '*')
    if (typeof named === 'string') response.appendHeader('Vary', 'Origin')
    if (credentials) response.setHeader('Access-Control-Allow-Credentials', 'true')
  }
  const common = response as ServerResponse
  // A quiet stream is a healthy one.
  common.setTimeout(0)
  common.flushHeaders()
}

/** The header is UTF-8 (SPEC 26), and Node reads headers as Latin-1. */
function header(request: Request): string {
  const value = request.headers['last-event-id']
  return typeof value === 'string' ? Buffer.from(value, 'latin1').toString('utf8') : ''
}
