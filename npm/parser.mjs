// In Node, one implementation serves `ssecast` and `ssecast/parser`, so that an error is an SsecastError of both.
export { createParser, events, EventSourceParserStream, SsecastError } from './dist/parser/index.js'
