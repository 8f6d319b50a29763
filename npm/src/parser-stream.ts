import { SsecastError } from './error.js'
import { createParser, type EventSourceMessage, type ParserOptions } from './parser.js'

/** The options of a stream: those of a parser. The events are what comes out, so there is no `onEvent`. */
export interface ParserStreamOptions extends Omit<ParserOptions, 'onEvent' | 'onError'> {
  /** Gets the error, which ends the stream in any case; `'terminate'` is the same as leaving it out. */
  onError?: ((error: SsecastError) => void) | 'terminate' | undefined
}

/**
 * A TransformStream that takes the chunks of a stream, as bytes or as strings, and gives its events. An error, of the
 * stream or thrown by a callback, ends it.
 *
 * @throws {SsecastError} for an option that there is not, or one out of its range.
 * @example
 * for await (const { data } of response.body.pipeThrough(new EventSourceParserStream())) console.log(data)
 */
export class EventSourceParserStream extends TransformStream<Uint8Array | string, EventSourceMessage> {
  constructor({ onError, ...options }: ParserStreamOptions = {}) {
    if (onError !== undefined && onError !== 'terminate' && typeof onError !== 'function') {
      throw new SsecastError('SSECAST_INVALID_OPTION', 'onError', "must be a function or 'terminate'")
    }
    let controller: TransformStreamDefaultController<EventSourceMessage>
    const parser = createParser({
      ...options,
      onEvent: event => controller.enqueue(event),
      onError(error) {
        if (typeof onError === 'function') onError(error)
        throw error
      },
    })
    super({
      start: own => {
        controller = own
      },
      transform: chunk => parser.feed(chunk),
    })
  }
}
