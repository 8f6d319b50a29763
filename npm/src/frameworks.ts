import { SsecastError } from './error.js'
import { BaseHub } from './base-hub.js'
import { described } from './value.js'

/** What a value is, and the function that is for it. */
const KINDS: readonly (readonly [name: string, use: string, is: (value: any) => boolean])[] = [
  ['an application of Fastify', "app.register(fastifySse, { hub }) of 'ssecast/fastify'", value => 'decorateReply' in value],
  ['a request of Fastify', "reply.sse(options) of 'ssecast/fastify'", value => 'raw' in value && 'routeOptions' in value],
  ['a context of Nest', "@Sse with observe(hub, topics) of 'ssecast/nest'", value => 'switchToHttp' in value],
  ['a context of Hono', "sse(hub, options) of 'ssecast/hono'", value => isFetchRequest(value.req?.raw)],
  ['an event of h3', "sse(hub, options) of 'ssecast/h3'", value => isFetchRequest(value.req) && 'context' in value],
  // Hono's request, which its context has in the place where Koa has Node's.
  ['a request of Hono', "sse(hub, options) of 'ssecast/hono'", value => isFetchRequest(value.raw)],
  ["Koa's context", 'sseMiddleware(hub, options)', value => 'req' in value && 'res' in value && 'respond' in value],
  ['a request of node:http', 'sseMiddleware(hub, options)', value => 'httpVersion' in value],
  ['a web Request', 'hub.response(request, options)', isFetchRequest]
]

/** Why a request is not one that a function is for, and which one is; nothing for a value that is nothing known. */
export function meant(value: unknown): string | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined
  const kind = KINDS.find(([, , is]) => is(value))
  return kind && `must not be called with ${kind[0]}, which is for ${kind[1]}`
}

/** Whether it is a web `Request`, of any runtime or framework. */
export function isFetchRequest(value: any): value is globalThis.Request {
  return typeof value === 'object' && value !== null && typeof value.headers?.get === 'function' && typeof value.url === 'string' && !('httpVersion' in value)
}

/** The hub that a function was called with, which is written as in `call`. */
export function hubOf(hub: unknown, call: string): BaseHub {
  if (hub instanceof BaseHub) return hub
  throw new SsecastError('SSECAST_INVALID_OPTION', 'hub', `must be what createHub() returned, not ${described(hub)}: write ${call}`)
}
