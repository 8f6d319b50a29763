import type { ParseError } from './error.js'
import { createParser, type EventSourceMessage, type EventSourceParser, type ParserConfig } from './parser.js'

export { type ErrorType, ParseError } from './error.js'
export type { EventSourceMessage } from './parser.js'

/** The options of a stream. */
export interface StreamOptions extends Omit<ParserConfig, 'onEvent' | 'onError'> {
  /** Gets what is wrong; or `'terminate'`, and the stream ends with it. Otherwise only a full buffer ends it. */
  onError?: ('terminate' | ((error: Error) => void)) | undefined
}

/** A TransformStream that takes strings and gives events. */
export class EventSourceParserStream extends TransformStream<string, EventSourceMessage> {
  constructor({ onError, onRetry, onComment, onId, maxBufferSize }: StreamOptions = {}) {
    let parser!: EventSourceParser
    super({
      start(controller) {
        parser = createParser({
          onEvent: event => controller.enqueue(event),
          onError(error: ParseError) {
            if (typeof onError === 'function') onError(error)
            // The stream's parser can't be reset.
            if (onError === 'terminate' || error.type === 'max-buffer-size-exceeded') controller.error(error)
          },
          onRetry,
          onComment,
          onId,
          maxBufferSize,
        })
      },
      transform: chunk => parser.feed(chunk),
    })
  }
}
