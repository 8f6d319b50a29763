import { BaseHub } from './base-hub.js'
import { checkedResponse, respond, type ResponseOptions } from './response.js'
import { type SubscribeOptions, Subscription } from './subscription.js'

/** A hub that is read in this process, and through a web `Response`. */
export abstract class ReadableHub extends BaseHub {
  /**
   * Reads topics in this process. It is registered now, not when the iteration begins, and until it ends or is collected. An
   * event has `event`, `data`, `id` and `lastEventId`, as a parser's.
   *
   * A `next` that waits keeps the process alive, until the subscription or the hub is closed; a subscription alone does not.
   *
   * @throws {SsecastError} naming the field; `SSECAST_CLOSED`; `SSECAST_TOO_MANY_CONNECTIONS`; `SSECAST_TOPIC_ENDED` when all of the
   *   topics have ended and nothing is left to get
   * @example
   * for await (const { event, data } of hub.subscribe(['orders'], { signal })) console.log(event, data)
   */
  subscribe(topics: string | readonly string[], options?: SubscribeOptions): Subscription {
    return new Subscription(this, topics, options)
  }

  /**
   * Answers a web `Request` with a stream, or with what else its client gets: for Next, Hono, h3, SvelteKit, `Bun.serve`, and what
   * else takes a `Response`. The options and the rules are those of the middleware; a request with any method gets a
   * stream, as the route says which there are. The stream ends when the host cancels its body, or the request's signal aborts.
   *
   * @throws {SsecastError} (the promise rejects) naming the option; what a function of the options throws
   * @example
   * export const GET = request => hub.response(request, { topics: ['ticks'] })
   */
  async response(request: globalThis.Request, options: ResponseOptions): Promise<globalThis.Response> {
    return respond(this, checkedResponse(options), request)
  }
}
