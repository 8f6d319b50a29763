/**
 * What the package eventsource-parser 4 exports, with ssecast's grammar: to replace it by an alias or an override.
 *
 * @packageDocumentation
 */
export { type ErrorType, ParseError } from './error.js'
export { createParser, type EventSourceMessage, type EventSourceParser, type ParserCallbacks, type ParserConfig } from './parser.js'
