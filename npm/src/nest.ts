import { Observable } from 'rxjs'
import type { HubOptions } from './base-hub.js'
import { SsecastError } from './error.js'
import { type FastifyReply, serveFastify } from './fastify.js'
import { hubOf } from './frameworks.js'
import { createHub, Hub } from './hub.js'
import { sseMiddleware } from './middleware.js'
import { checked, type MiddlewareOptions } from './options.js'
import type { ReadableHub } from './readable-hub.js'
import type { StoredHub, StoreOptions } from './stored-hub.js'
import type { SubscribeOptions, Subscription } from './subscription.js'

/** An event as Nest's `@Sse` takes it. */
export interface NestEvent {
  data: string
  id?: string
  type?: string
}

/**
 * A module that has one {@link Hub} to inject, everywhere in the application, and closes it when the application shuts down.
 *
 * @example
 * @Module({ imports: [SseModule.forRoot()], controllers: [AppController] })
 * class AppModule {}
 */
export class SseModule {
  /** @throws {SsecastError} naming the option */
  static forRoot(options: HubOptions & StoreOptions = {}) {
    const hub = createHub(options)
    const shutdown = { beforeApplicationShutdown: () => hub.close(), onModuleDestroy: () => hub.close() }
    const providers = [
      { provide: Hub, useValue: hub },
      { provide: Symbol('ssecast'), useValue: shutdown },
    ]
    return { module: SseModule, global: true, providers, exports: [Hub] }
  }
}

/**
 * A hub's events for a method with `@Sse()`. It ends when its topics have ended.
 *
 * @example
 * @Sse('stream')
 * stream(@Headers('last-event-id') lastEventId?: string) {
 *   return observe(this.hub, ['ticks'], { lastEventId })
 * }
 */
export function observe(hub: ReadableHub, topics: string | readonly string[], options: SubscribeOptions = {}): Observable<NestEvent> {
  hubOf(hub, 'observe(hub, topics)')
  return new Observable(subscriber => {
    let subscription: Subscription
    try {
      subscription = hub.subscribe(topics, options)
    } catch (error) {
      if (error instanceof SsecastError && error.code === 'SSECAST_TOPIC_ENDED') return subscriber.complete()
      throw error
    }
    const read = async () => {
      for await (const { event, data, id } of subscription) {
        subscriber.next({ data, ...(id !== undefined && { id }), ...(event !== undefined && { type: event }) })
      }
      subscriber.complete()
    }
    read().catch(error => subscriber.error(error))
    return () => void subscription.return()
  })
}

/**
 * Makes a function that answers a request with a stream, on Express as on Fastify: as fast as outside of Nest, with what
 * `@Sse` has not, such as a 204 for topics that have ended. Its options get the request.
 *
 * @throws {SsecastError} naming the option
 * @example
 * readonly #stream = sse(this.hub, { topics: ['ticks'] })
 *
 * @Get('stream')
 * stream(@Req() request, @Res() response) {
 *   return this.#stream(request, response)
 * }
 */
export function sse<Context = any>(hub: Hub | StoredHub, options: MiddlewareOptions<Context>): (request: any, response: any) => Promise<void> {
  hubOf(hub, 'sse(hub, options)')
  const middleware = sseMiddleware(hub as Hub, options)
  const all = checked(options)
  return async (request, response) => {
    if (typeof response?.hijack !== 'function') return middleware(request, response)
    await serveFastify(hub, all, request, response as FastifyReply, () => {})
  }
}
