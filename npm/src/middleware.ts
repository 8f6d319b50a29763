import type { BaseHub } from './base-hub.js'
import { SsecastError } from './error.js'
import { attempt } from './exchange.js'
import { meant } from './frameworks.js'
import { answer, koaHost, type KoaContext, nodeHost } from './host.js'
import type { Hub } from './hub.js'
import { parse } from './middleware-arguments.js'
import { answerOther, open, type Outcome } from './open.js'
import type { AnyRequest, Checked, MiddlewareOptions } from './options.js'
import type { Request, Response } from './request.js'
import type { Session } from './session.js'
import type { StoredHub } from './stored-hub.js'

declare global {
  /** Of Express, whether or not its types are installed. */
  namespace Express {
    interface Request {
      /** The stream that {@link sseMiddleware} has opened, if it is without `topics`. */
      sse?: Session
    }
    interface Response {
      /** The stream that {@link sseMiddleware} has opened, if it is without `topics`. */
      sse?: Session
    }
  }
}

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
export function sseMiddleware<Context = AnyRequest>(hub: Hub, options?: MiddlewareOptions<Context>): Middleware
export function sseMiddleware<Context = AnyRequest>(hub: StoredHub, options?: MiddlewareOptions<Context>): Middleware<StoredHub>
export function sseMiddleware<Context = AnyRequest>(options?: MiddlewareOptions<Context>): Middleware
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

function koa1(hub: Hub, options?: MiddlewareOptions<any>): Koa1Middleware
function koa1(hub: StoredHub, options?: MiddlewareOptions<any>): Koa1Middleware<StoredHub>
function koa1(options?: MiddlewareOptions<any>): Koa1Middleware
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
    if (outcome === 'passed' && !next) return await answerOther(options, host)
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
  const called = "must be called with a request and a response of node:http, or with Koa's context and next (HTTP/2: server.on('request', …))"
  const problem = meant(request) ?? called
  throw new SsecastError('SSECAST_INVALID_OPTION', 'middleware', problem)
}
