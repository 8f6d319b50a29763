// In Node, one implementation serves import and require, so that an error is an SsecastError of both.
export { EventSource, EventSourceErrorEvent, SsecastError } from './dist/client/index.js'
