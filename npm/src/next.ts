import type { BaseHub, HubOptions } from './base-hub.js'
import { hubOf } from './frameworks.js'
import { createHub, type Hub } from './hub.js'
import { checkedResponse, respond, type ResponseOptions } from './response.js'
import type { StoredHub, StoreOptions } from './stored-hub.js'

/**
 * Makes a route handler for Next's App Router, in the Node.js runtime. The functions of its options get the request.
 *
 * @throws {SsecastError} naming the option
 * @example
 * // app/stream/route.js
 * export const GET = sse(getHub(), { topics: ['ticks'] })
 */
export function sse<Request extends globalThis.Request = any>(hub: BaseHub, options: ResponseOptions<Request>): (request: Request) => Promise<globalThis.Response> {
  const to = hubOf(hub, 'export const GET = sse(getHub(), options)')
  const all = checkedResponse(options)
  return request => respond(to, all, request)
}

let hub: Hub | StoredHub | undefined

/**
 * The hub of this process, made at the first call: Next loads a module of the application's several times, once for its routes and
 * once for its pages and actions, and again when it changes.
 *
 * @throws {SsecastError} naming the option
 */
export function getHub(options: HubOptions & StoreOptions & { store: string | URL }): StoredHub
export function getHub(options?: HubOptions): Hub
export function getHub(options: HubOptions & StoreOptions = {}): Hub | StoredHub {
  return (hub ??= createHub(options))
}

/**
 * Adds to a configuration of Next what an addon needs: that Next does not bundle the package.
 *
 * @example
 * // next.config.mjs
 * export default withSsecast({ poweredByHeader: false })
 */
export function withSsecast<Config extends object>(config: Config = {} as Config): Config & { serverExternalPackages: string[] } {
  const { serverExternalPackages = [] } = config as { serverExternalPackages?: string[] }
  return { ...config, serverExternalPackages: [...new Set([...serverExternalPackages, 'ssecast'])] }
}
