import { addon } from './addon.js'
import { allowedOf, lastEventIdOf, topicsOf } from './answers.js'
import type { BaseHub } from './base-hub.js'
import { native, SsecastError } from './error.js'
import { attempt, Exchange } from './exchange.js'
import { headersOf } from './headers.js'
import { answer, type Host, koaHost, type KoaContext, nodeHost } from './host.js'
import type { Hub } from './hub.js'
import { type Checked, type MiddlewareOptions, parse } from './options.js'
import type { Request, Response } from './request.js'
import { Session } from './session.js'
import type { StoredHub } from './stored-hub.js'
import { setStreamHead } from './stream-head.js'

type Next = (error?: unknown) => unknown

/** One function for Express 4 and 5, Koa 2 and 3, and the servers of node:http, https and http2. */
export interface Middleware<AnyHub = Hub> {
  /** Express, Connect, and plain servers without `next`. */
  (request: any, response: any, next?: Next): Promise<void>
  /** Koa. */
  (context: any, next: () => Promise<any>): Promise<void>
  /** The hub whose events go out. */
  readonly hub: AnyHub
}

/** Koa 1 accepts only real generator functions. */
export type Koa1Middleware<AnyHub = Hub> = ((this: any, next: any) => Generator<any, void, any>) & { readonly hub: AnyHub }

/**
 * Makes a middleware that opens event streams.
 *
 * With `topics` it takes the response over. Without, it opens a session, sets `req.sse` and `res.sse` (Koa:
 * `ctx.sse`), and calls the next middleware. Called with options alone, or with nothing, it makes a hub of its own:
 * `middleware.hub`.
 *
 * @throws {SsecastError} `SSECAST_INVALID_OPTION` for a wrong hub, an unknown option or one that is not valid;
 *   `SSECAST_INVALID_TOPIC`
 * @example
 * app.get('/stream', sseMiddleware(hub, { topics: req => ['news', `user-${req.user.id}`] }))
 */
export function sseMiddleware<Context = any>(hub: Hub, options?: MiddlewareOptions<Context>): Middleware
export function sseMiddleware<Context = any>(hub: StoredHub, options?: MiddlewareOptions<Context>): Middleware<StoredHub>
export function sseMiddleware<Context = any>(options?: MiddlewareOptions<Context>): Middleware
export function sseMiddleware(...given: unknown[]): Middleware<BaseHub> {
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
function koa1(hub: StoredHub, options?: MiddlewareOptions): Koa1Middleware<StoredHub>
function koa1(options?: MiddlewareOptions): Koa1Middleware
function koa1(...given: unknown[]): Koa1Middleware<BaseHub> {
  const { hub, options } = parse(given)
  const middleware = function* (this: KoaContext, next: unknown): Generator<any, void, any> {
    const outcome: Outcome = yield open(hub, options, koaHost(this))
    if (outcome === 'taken') return
    if (outcome !== 'passed') this.sse = outcome
    yield next
  }
  return Object.assign(middleware, { hub })
}

async function serveKoa(hub: BaseHub, options: Checked, context: KoaContext, next: Next): Promise<void> {
  checkHost(context.req, context.res)
  const outcome = await open(hub, options, koaHost(context))
  if (outcome === 'taken') return
  if (outcome !== 'passed') context.sse = outcome
  await next()
}

async function serveNode(
  hub: BaseHub,
  options: Checked,
  request: Request & { sse?: Session },
  response: Response & { sse?: Session },
  next?: Next
): Promise<void> {
  checkHost(request, response)
  const host = nodeHost(request, response, next)
  let outcome: Outcome
  try {
    outcome = await open(hub, options, host)
    if (outcome === 'passed' && !next) {
      await options.cors?.apply(request, response)
      return host.answer(request.method === 'OPTIONS' ? 204 : 405, { Allow: methodsOf(options, request) })
    }
  } catch (error) {
    host.fail(error)
    if (!next) answer(response, 500)
    return
  }
  if (outcome === 'taken') return
  if (outcome !== 'passed') request.sse = response.sse = outcome
  // A plain server does not await this function: an exception of its own `next` would end the process.
  try {
    await next?.()
  } catch (error) {
    attempt(() => console.error(error))
    if (outcome !== 'passed') outcome.close('error')
    answer(response, 500)
  }
}

/** Throws for the request and response of a server with another API. */
function checkHost(request: Request | undefined, response: Response | undefined): void {
  if (typeof request?.headers === 'object' && typeof response?.setHeader === 'function' && typeof response.once === 'function') return
  const problem =
    "must be called with a request and a response of node:http, or with Koa's context and next (Fastify: request.raw and reply.raw, after reply.hijack(); HTTP/2: server.on('request', …))"
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

/** A session for the next middleware, or what became of the request: answered here, or left to the next middleware. */
type Outcome = Session | 'taken' | 'passed'

async function open(hub: BaseHub, options: Checked, host: Host): Promise<Outcome> {
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
  // The client may leave while the options' functions run; then nothing is registered. They may also answer by
  // themselves, with a redirect for example.
  const exchange = new Exchange(request, response)
  const wasAnswered = host.isAnswered()
  const isSettled = () => exchange.look() || (!wasAnswered && host.isAnswered())
  // First, so that a page may read refusals too.
  await cors?.apply(request, response)
  if (isSettled()) return leave()
  const allowed = options.authorize ? await options.authorize(context) : true
  if (isSettled()) return leave()
  if (!allowedOf(allowed)) return refuse(403)
  // Each result is checked after `isSettled`: a function that has answered by itself may return anything.
  const read = typeof options.topics === 'function' ? await options.topics(context) : options.topics
  if (isSettled()) return leave()
  const topics = typeof options.topics === 'function' ? topicsOf(read, 'return') : options.topics
  const more = typeof options.headers === 'function' ? await options.headers(context) : undefined
  if (isSettled()) return leave()
  const headers = typeof options.headers === 'function' ? headersOf(more, cors !== undefined, 'return') : options.headers
  const lastEventId = options.lastEventId ? lastEventIdOf(await options.lastEventId(context)) : ownLastEventId(request)
  if (isSettled()) return leave()
  if (addon().isFinished(lastEventId)) return refuse(204)
  if (request.method === 'HEAD') {
    if (hub.closed) return turnAway()
    setStreamHead(response, headers)
    host.end()
    return 'taken'
  }
  let session: Session
  try {
    session = new Session(hub, exchange, topics ?? [], lastEventId, options.replay)
  } catch (error) {
    // There is nothing left to get.
    if (error instanceof SsecastError && error.code === 'SSECAST_TOPIC_ENDED') return refuse(204)
    if (!(error instanceof SsecastError) || !addon().isUnavailable(error.code)) throw error
    return turnAway()
  }
  try {
    setStreamHead(response, headers)
  } catch (error) {
    session.discard()
    throw error
  }
  const connect = () => {
    // Not awaited: it may run as long as the stream.
    new Promise(resolve => resolve(options.onConnect?.(session))).catch(error => {
      session.close('error')
      host.fail(error)
    })
  }
  const begin = () => {
    if (session.start(options.release) && topics) connect()
  }
  host.whenHeadIsSet(begin, topics === undefined)
  if (topics) return 'taken'
  connect()
  return session

  function leave(): Outcome {
    host.leave()
    return 'taken'
  }

  function refuse(status: number, headers?: Record<string, string>): Outcome {
    host.answer(status, headers)
    return 'taken'
  }

  /** Refuses: there can be no stream at the moment. */
  function turnAway(): Outcome {
    const { body, retryAfter } = native(() => hub.connections.native.unavailable(request.method!, request.headers.accept ?? ''))
    // The server of a closing hub waits for its connections.
    if (hub.closed) exchange.endConnection()
    if (body === undefined) return refuse(503, { 'Retry-After': String(retryAfter) })
    setStreamHead(response, headers)
    host.end(request.method === 'HEAD' ? undefined : body)
    return 'taken'
  }
}

/** The last event ID of a request's own header. */
function ownLastEventId(request: Request): string {
  const value = request.headers['last-event-id']
  return typeof value === 'string' ? addon().lastEventId(value) : ''
}
