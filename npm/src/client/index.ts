/**
 * The reconnecting client: `EventSource` as the standard has it, and more, for browsers, workers and every runtime with
 * `fetch`. It needs neither Node nor the addon.
 *
 * @packageDocumentation
 */
export { type ErrorCode, SsecastError } from '../error.js'
export { EventSource, type EventSourceEventMap } from './event-source.js'
export { EventSourceErrorEvent } from './events.js'
export type { Cause } from './loss.js'
export type { EventSourceOptions, HeadersLike, RetryOptions } from './options.js'
