import type { BaseHub } from './base-hub.js'
import { hubOf } from './frameworks.js'
import { checkedResponse, respond, type ResponseOptions } from './response.js'

/** What is used of a context of Hono. */
export interface HonoContext {
  req: { raw: globalThis.Request }
}

/**
 * Makes a handler for Hono, on any runtime that has the addon. The functions of its options get Hono's context. Headers that
 * other middleware sets stay.
 *
 * @throws {SsecastError} naming the option
 * @example
 * app.get('/stream', sse(hub, { topics: c => [`room-${c.req.query('room')}`] }))
 */
export function sse<Context extends HonoContext = any>(hub: BaseHub, options: ResponseOptions<Context>): (context: Context) => Promise<globalThis.Response> {
  const to = hubOf(hub, 'app.get(path, sse(hub, options))')
  const all = checkedResponse(options)
  return context => respond(to, all, context?.req?.raw ?? context, context)
}
