import { type ServerResponse, STATUS_CODES } from 'node:http'
import { attempt } from './exchange.js'
import type { Request, Response } from './request.js'
import type { Session } from './session.js'

/** A Koa route that takes longer than this streams by itself, and the head is sent without waiting for it. */
const ROUTE_MS = 100

/** The differences between the servers. */
export interface Host {
  /** What the options' functions get. */
  readonly context: unknown
  readonly request: Request
  readonly response: Response
  /** Whether the application has answered by itself. */
  isAnswered(): boolean
  /** Leaves the response as it is: the client is gone, or the application has answered. */
  leave(): void
  /** Answers without a stream. */
  answer(status: number, headers?: Record<string, string>): void
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
  set(headers: Record<string, string>): void
  onerror(error: unknown): void
}

/** Express, Connect, and plain servers. */
export function nodeHost(request: Request, response: Response, next?: (error?: unknown) => unknown): Host {
  return {
    context: request,
    request,
    response,
    isAnswered: () => isSent(response),
    leave() {},
    answer: (status, headers) => answer(response, status, headers),
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
    context,
    request,
    response,
    isAnswered: () => isSent(response) || isSet(),
    leave() {
      if (isSent(response) || !isSet()) context.respond = false
    },
    answer(status, headers = {}) {
      context.set(headers)
      context.status = status
      context.body = status === 204 ? null : STATUS_CODES[status]
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

/** Whether a response's head is out, or the response has ended. */
export function isSent(response: Response): boolean {
  return response.headersSent || response.writableEnded
}

/** Answers, unless the response is sent already. Never throws, because it also answers after an error. */
export function answer(response: Response, status: number, headers: Record<string, string> = {}): void {
  if (isSent(response)) return
  const isAnswered = attempt(() => {
    response.statusCode = status
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    if (status === 204) return void (response as { end(): void }).end()
    response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    response.end(STATUS_CODES[status] ?? '')
  })
  if (!isAnswered) attempt(() => (response as { destroy?(): void }).destroy?.())
}
