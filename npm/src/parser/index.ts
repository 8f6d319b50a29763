/**
 * The parser alone, for browsers, workers and every runtime: it needs neither Node nor the addon.
 *
 * @packageDocumentation
 */
export { type ErrorCode, SsecastError } from '../error.js'
export { type Chunks, events } from './events.js'
export {
  type Chunk,
  createParser,
  type EndOptions,
  type EventSourceMessage,
  type EventSourceParser,
  type ParserCallbacks,
  type ParserOptions,
} from './parser.js'
export { EventSourceParserStream, type ParserStreamOptions } from './stream.js'
