/**
 * The native engine for Server-Sent Events.
 *
 * @packageDocumentation
 */
export { type ErrorCode, SsecastError } from './error.js'
export { encode, type EventFields, type EventInit } from './event.js'
export type { CloseOptions, HubOptions, Published, Stats } from './base-hub.js'
export { createHub, Hub } from './hub.js'
export type { CorsDecision, CorsOption, CorsOptions, CorsOrigins } from './cors.js'
export type { Answer, Listener, ListenerRequest, ListenOptions } from './listener.js'
export { type Koa1Middleware, type Middleware, sseMiddleware } from './middleware.js'
export type { HeaderFields } from './headers.js'
export type { MiddlewareOptions } from './options.js'
export type { Authorization, Refusal } from './refusal.js'
export type { ResponseOptions } from './response.js'
export {
  type Chunk,
  type Chunks,
  createParser,
  type EndOptions,
  events,
  type EventSourceMessage,
  type EventSourceParser,
  EventSourceParserStream,
  type ParserCallbacks,
  type ParserOptions,
  type ParserStreamOptions,
} from './parser/index.js'
export type { Reason } from './loop-connections.js'
export type { Request, Response } from './request.js'
export { type PipeOptions, Session } from './session.js'
export { type SubscribeOptions, Subscription } from './subscription.js'
export { StoredHub, type StoreOptions } from './stored-hub.js'
