// One implementation serves both kinds of modules: a hub made in one is the other's too.
export {
  createHub,
  createParser,
  encode,
  events,
  EventSourceParserStream,
  Hub,
  Session,
  sseMiddleware,
  SsecastError,
  StoredHub,
  Subscription,
} from './dist/index.js'
