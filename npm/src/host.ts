import { type ServerResponse, STATUS_CODES } from 'node:http'
import { attempt, type Exchange, NodeExchange } from './exchange.js'
import { type Headers } from './headers.js'
import type { Request, RequestHead, Response, ResponseHead } from './request.js'
import type { Session } from './session.js'

/** The type of an answer's body. */
export const PLAIN = 'text/plain; charset=utf-8'

/** A Koa route that takes longer than this streams by itself, and the head is sent without waiting for it. */
const ROUTE_MS = 100

/** The differences between the servers. */
export interface Host {
  /** What the options' functions get. */
  readonly context: unknown
  /** The request as the application knows it. */
  readonly request: unknown
  readonly requestHead: RequestHead
  readonly responseHead: ResponseHead
  /** Whether a request with this method is for the stream, unless an option says it. */
  takes(method: string): boolean
  /** The exchange of the request and its response; called once. */
  exchange(): Exchange
  /** Whether the application has answered by itself. */
  isAnswered(): boolean
  /** Leaves the response as it is: the client is gone, or the application has answered. */
  leave(): void
  /** Answers without a stream; by default with the status in words. */
  answer(status: number, headers?: Headers, body?: Uint8Array): void
  /** Ends a response whose head is set. */
  end(body?: Uint8Array): void
  /**
   * Calls `begin` when the response's head is complete. If it `isRouted`, a route follows. That may stream by itself,
   * so `begin` does not wait for it for long.
   */
  whenHeadIsSet(begin: () => void, isRouted: boolean): void
  /** Something failed when the stream was open already. Never throws. */
  fail(error: unknown): void
}

/** The part of Koa's context that is used. */
export interface KoaContext {
  req: Request
  res: Response
  status: number
  body: unknown
  respond?: boolean
  sse?: Session
  set(name: string, value: string | readonly string[]): void
  onerror(error: unknown): void
}

/** Express, Connect, and plain servers. */
export function nodeHost(request: Request, response: Response, next?: (error?: unknown) => unknown): Host {
  return {
    ...nodeHeads(request, response),
    context: request,
    isAnswered: () => isSent(response),
    leave() {},
    answer: (status, headers, body) => answer(response, status, headers, body),
    end(body) {
      const common = response as ServerResponse
      // HTTP/2 would not send the head of HEAD by `end` alone.
      if (!body) common.flushHeaders?.()
      common.end(body)
    },
    whenHeadIsSet: begin => begin(),
    fail(error) {
      if (!next || !attempt(() => next(error))) attempt(() => console.error(error))
    },
  }
}

/**
 * Koa 1, 2 and 3. A middleware may set headers after `await next()`, so the head is sent when all of them are done: then,
 * and only then, Koa reads `respond`.
 */
export function koaHost(context: KoaContext): Host {
  const { req: request, res: response, status, body } = context
  const isSet = () => context.body !== body || context.status !== status
  return {
    ...nodeHeads(request, response),
    context,
    isAnswered: () => isSent(response) || isSet(),
    leave() {
      if (isSent(response) || !isSet()) context.respond = false
    },
    answer(status, headers = [], body) {
      context.status = status
      context.body = status === 204 ? null : (body && Buffer.from(body)) ?? STATUS_CODES[status] ?? ''
      if (body) context.set('Content-Type', PLAIN)
      for (const [name, value] of headers) context.set(name, value)
    },
    end(body) {
      context.status = 200
      if (body) context.body = body
    },
    whenHeadIsSet(begin, isRouted) {
      context.status = 200
      const get = () => (begin(), false)
      Object.defineProperty(context, 'respond', { get, set() {}, configurable: true, enumerable: true })
      const beginLate = () => {
        try {
          begin()
        } catch (error) {
          fail(error)
        }
      }
      if (isRouted) setTimeout(beginLate, ROUTE_MS).unref()
    },
    fail,
  }

  function fail(error: unknown): void {
    if (!attempt(() => context.onerror(error))) attempt(() => console.error(error))
  }
}

/** What hosts of Node's own requests and responses have in common. */
export function nodeHeads(request: Request, response: Response) {
  return {
    request,
    requestHead: request as RequestHead,
    responseHead: response as ResponseHead,
    // A middleware for all requests would take those that are meant for others; a route of Express is for its method.
    takes(method: string) {
      const { route } = request as { route?: { methods?: Record<string, boolean> } }
      return route?.methods?.[method.toLowerCase()] === true
    },
    exchange: () => new NodeExchange(request, response),
  }
}

/** Whether a response's head is out, or the response has ended. */
export function isSent(response: Response): boolean {
  return response.headersSent || response.writableEnded
}

/** Answers, unless the response is sent already. Never throws, because it also answers after an error. */
export function answer(response: Response, status: number, headers: Headers = [], body?: Uint8Array): void {
  if (isSent(response)) return
  const isAnswered = attempt(() => {
    response.statusCode = status
    if (status !== 204) response.setHeader('Content-Type', PLAIN)
    for (const [name, value] of headers) response.setHeader(name, value)
    if (status === 204) return void (response as { end(): void }).end()
    ;(response as ServerResponse).end(body ?? STATUS_CODES[status] ?? '')
  })
  if (!isAnswered) attempt(() => (response as { destroy?(): void }).destroy?.())
}
