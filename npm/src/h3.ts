import type { BaseHub } from './base-hub.js'
import { hubOf } from './frameworks.js'
import { checkedResponse, respond, type ResponseOptions } from './response.js'

/** What is used of an event of h3. */
export interface H3Event {
  req: globalThis.Request
}

/**
 * Makes an event handler for h3 2, and what stands on it. The functions of its options get h3's event.
 *
 * @throws {SsecastError} naming the option
 * @example
 * app.get('/stream', sse(hub, { topics: ['ticks'] }))
 */
export function sse<Event extends H3Event = any>(hub: BaseHub, options: ResponseOptions<Event>): (event: Event) => Promise<globalThis.Response> {
  const to = hubOf(hub, 'app.get(path, sse(hub, options))')
  const all = checkedResponse(options)
  return event => respond(to, all, event?.req ?? event, event)
}
