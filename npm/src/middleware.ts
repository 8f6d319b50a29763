import { type ServerResponse, STATUS_CODES } from 'node:http'
import { cacheControl, isFinished } from '../native.cjs'
import { addVary } from './cors.js'
import { native, SsecastError } from './error.js'
import type { Hub } from './hub.js'
import { allowedOf, type Checked, type Headers, headersOf, lastEventIdOf, type MiddlewareOptions, parse, topicsOf } from './options.js'
import { type Request, type Response, Session } from './session.js'

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

/**
 * Makes a middleware that opens event streams.
 *
 * With `topics` it takes the response over. Without, it opens a session, sets `req.sse` and `res.sse` (Koa:
 * `ctx.sse`), and calls the next middleware. Called with options alone, or with nothing, it makes a hub of its own:
 * `middleware.hub`.
 *
 * @throws {SsecastError} `SSECAST_INVALID_OPTION` for a hub that is none, an unknown option, or one that can't be;
 *   `SSECAST_INVALID_TOPIC`
 * @example
 * app.get('/stream', sseMiddleware(hub, { topics: req => ['news', `user-${req.user.id}`] }))
 */
export function sseMiddleware<Context = any>(hub: Hub, options?: MiddlewareOptions<Context>): Middleware
export function sseMiddleware<Context = any>(options?: MiddlewareOptions<Context>): Middleware
export function sseMiddleware(...given: unknown[]): Middleware {
  const { hub, options } = parse(given)
  const middleware = (first: Request | KoaContext, second: Response | Next, next?: Next): Promise<void> =>
    typeof second === 'function'
      ? serveKoa(hub, options, first as KoaContext, second)
      : serveNode(hub, options, first as Request, second, next)
  return Object.assign(middleware, { hub })
}

/** The same as a generator function, for Koa 1. */
sseMiddleware.koa1 = koa1

function koa1(hub: Hub, options?: MiddlewareOptions): Koa1Middleware
function koa1(options?: MiddlewareOptions): Koa1Middleware
function koa1(...given: unknown[]): Koa1Middleware {
  const { hub, options } = parse(given)
  const middleware = function* (this: KoaContext, next: unknown): Generator<any, void, any> {
    const outcome: Outcome = yield open(hub, options, koa(this))
    if (outcome === 'taken') return
    if (outcome !== 'passed') this.sse = outcome
    yield next
  }
  return Object.assign(middleware, { hub })
}

function koa(context: KoaContext): Host {
  const { req: request, res: response } = context
  const take = () => void (context.respond = false)
  return { context, request, response, take, fail: error => context.onerror(error) }
}

async function serveKoa(hub: Hub, options: Checked, context: KoaContext, next: Next): Promise<void> {
  checkHost(context.req, context.res)
  const outcome = await open(hub, options, koa(context))
  if (outcome === 'taken') return
  if (outcome !== 'passed') context.sse = outcome
  await next()
}

async function serveNode(
  hub: Hub,
  options: Checked,
  request: Request & { sse?: Session },
  response: Response & { sse?: Session },
  next?: Next
): Promise<void> {
  checkHost(request, response)
  const fail = next ?? console.error
  try {
    const outcome = await open(hub, options, { context: request, request, response, take() {}, fail })
    if (outcome === 'taken') return
    if (outcome !== 'passed') request.sse = response.sse = outcome
    else if (!next) {
      await options.cors?.apply(request, response)
      answer(response, request.method === 'OPTIONS' ? 204 : 405, { Allow: methodsOf(options, request) })
    }
  } catch (error) {
    fail(error)
    if (!next) answer(response, 500)
    return
  }
  next?.()
}

/** Refuses the requests and responses of other servers, which have other methods. */
function checkHost(request: Request | undefined, response: Response | undefined): void {
  if (typeof request?.headers === 'object' && typeof response?.setHeader === 'function' && typeof response.once === 'function') return
  const problem =
    "must be called with a request and a response of node:http, or with Koa's context and next (Fastify: request.raw and reply.raw, after reply.hijack())"
  throw new SsecastError('SSECAST_INVALID_OPTION', 'middleware', problem)
}

/** Whether a request gets a stream by its method. */
function opens(options: Checked, request: Request, method = request.method!): boolean {
  if (method === 'HEAD') return opens(options, request, 'GET')
  if (options.methods) return options.methods.includes(method)
  if (method === 'OPTIONS') return false
  if (method === 'GET' || options.topics === undefined) return true
  // A middleware for all requests would take those that are meant for others; a route of Express is for its method.
  const { route } = request as { route?: { methods?: Record<string, boolean> } }
  return route?.methods?.[method.toLowerCase()] === true
}

/** The methods that a client is told of. */
function methodsOf(options: Checked, request: Request): string {
  const asked = request.headers['access-control-request-method']
  const methods = options.methods ?? ['GET', ...(asked && asked !== 'HEAD' && opens(options, request, asked) ? [asked] : [])]
  const all = methods.includes('GET') ? ['GET', 'HEAD', ...methods] : methods
  return [...new Set([...all, 'OPTIONS'])].join(', ')
}

/** A session for the next middleware; or the response is taken over; or the request is none of ours. */
type Outcome = Session | 'taken' | 'passed'

async function open(hub: Hub, options: Checked, host: Host): Promise<Outcome> {
  const { context, request, response } = host
  const { cors } = options
  if (cors && request.method === 'OPTIONS') {
    const asked = request.headers['access-control-request-method']
    if (!asked || !opens(options, request, asked)) return 'passed'
    await cors.apply(request, response)
    cors.preflight(response, methodsOf(options, request))
    return refuse(204)
  }
  if (!opens(options, request)) return 'passed'
  let left = false
  const emitter: NodeJS.EventEmitter = response
  emitter.once('close', () => (left = true))
  // A client that leaves meanwhile gets nothing, and nothing stays registered for it.
  const gone = () => left || request.socket?.destroyed
  // Before anything is answered: a page may read refusals, too.
  await cors?.apply(request, response)
  if (gone()) return taken()
  const allowed = options.authorize ? await options.authorize(context) : true
  if (gone()) return taken()
  if (!allowedOf(allowed)) return refuse(403)
  const topics = typeof options.topics === 'function' ? topicsOf(await options.topics(context), 'return') : options.topics
  if (gone()) return taken()
  const headers =
    typeof options.headers === 'function' ? headersOf(await options.headers(context), cors !== undefined, 'return') : options.headers
  const lastEventId = options.lastEventId ? lastEventIdOf(await options.lastEventId(context)) : header(request)
  if (gone()) return taken()
  if (isFinished(lastEventId)) return refuse(204)
  if (request.method === 'HEAD') {
    if (hub.closed) return turnAway()
    writeHead(response, headers)
    response.end()
    return taken()
  }
  let session: Session
  try {
    session = new Session(hub, request, response, topics ?? [], lastEventId)
  } catch (error) {
    if (!UNAVAILABLE.includes((error as SsecastError).code)) throw error
    return turnAway()
  }
  try {
    writeHead(response, headers)
  } catch (error) {
    session.discard()
    throw error
  }
  host.take()
  session.start(options.release)
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

  /** There can be no stream for the moment. */
  function turnAway(): Outcome {
    const { body, retryAfter } = native(() => hub.pull.hub.unavailable(request.method!, request.headers.accept ?? ''))
    // The connection of a hub that closes is one that its server waits for.
    if (hub.closed && request.httpVersionMajor === 1) response.setHeader('Connection', 'close')
    if (body === undefined) return refuse(503, { 'Retry-After': String(retryAfter) })
    setHead(response, headers)
    ;(response as ServerResponse).end(request.method === 'HEAD' ? undefined : body)
    return taken()
  }
}

/** Errors of a hub that has no room for the moment. */
const UNAVAILABLE: readonly string[] = ['SSECAST_TOO_MANY_CONNECTIONS', 'SSECAST_TOO_MANY_TOPICS', 'SSECAST_CLOSED']

function answer(response: Response, status: number, headers: Record<string, string> = {}): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (status === 204) return void (response as ServerResponse).end()
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  response.end(STATUS_CODES[status] ?? '')
}

/** Writes the head of a stream. */
function writeHead(response: Response, headers: Headers): void {
  setHead(response, headers)
  const common = response as ServerResponse
  // A quiet stream is a healthy one.
  common.setTimeout(0)
  common.flushHeaders()
}

/** Sets what the head of a stream says. What others set before, such as cookies or CORS headers, stays. */
function setHead(response: Response, headers: Headers): void {
  const cache = [response.getHeader('Cache-Control') ?? []].flat().map(String)
  // The only values that are not ours come first: if Node refuses one, nothing else is set for the error's response.
  for (const [name, value] of headers) {
    if (/^cache-control$/i.test(name)) cache.push(...[value].flat())
    else if (/^vary$/i.test(name)) [value].flat().join(',').split(',').forEach(name => addVary(response, name.trim()))
    else response.setHeader(name, value)
  }
  response.statusCode = 200
  response.removeHeader('Content-Length')
  response.setHeader('Content-Type', 'text/event-stream; charset=utf-8')
  // A stricter one stays.
  response.setHeader('Cache-Control', cacheControl(cache.join(', ')))
  response.setHeader('X-Accel-Buffering', 'no')
}

/** The header is UTF-8 (SPEC 26), and Node reads headers as Latin-1. */
function header(request: Request): string {
  const value = request.headers['last-event-id']
  return typeof value === 'string' ? Buffer.from(value, 'latin1').toString('utf8') : ''
}
