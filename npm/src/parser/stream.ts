import { SsecastError } from '../error.js'
import { type Chunk, createParser, type EndOptions, type EventSourceMessage, type ParserOptions } from './parser.js'

/** The options of a stream: those of a parser. The events are what comes out, so there is no `onEvent`. */
export interface ParserStreamOptions extends Omit<ParserOptions, 'onEvent' | 'onError'>, Pick<EndOptions, 'dispatchUnfinished'> {
  /** Gets the error, which ends the stream in any case; `'terminate'` is the same as leaving it out. */
  onError?: ((error: SsecastError) => void) | 'terminate' | undefined
}

/** Makes a parser with the options of a stream. Its error is thrown. */
export function createStreamParser(options: ParserStreamOptions, onEvent: (event: EventSourceMessage) => void) {
  const { onError, dispatchUnfinished = false, ...rest } = options
  if (onError !== undefined && onError !== 'terminate' && typeof onError !== 'function') {
    throw new SsecastError('SSECAST_INVALID_OPTION', 'onError', "must be a function or 'terminate'")
  }
  if (typeof dispatchUnfinished !== 'boolean') {
    throw new SsecastError('SSECAST_INVALID_OPTION', 'dispatchUnfinished', 'must be true or false')
  }
  if ('onEvent' in rest) {
    throw new SsecastError('SSECAST_INVALID_OPTION', 'onEvent', 'is not an option of a stream, whose events are read from it')
  }
  const parser = createParser({
    ...rest,
    onEvent,
    onError(error) {
      if (typeof onError === 'function') onError(error)
      throw error
    },
  })
  return { feed: parser.feed, end: () => parser.reset({ dispatchUnfinished }) }
}

/**
 * A TransformStream that takes the chunks of a stream, as bytes or as strings, and gives its events. An error, of the
 * stream or thrown by a callback, ends it.
 *
 * @throws {SsecastError} for an option that there is not, or one out of its range.
 * @example
 * for await (const { data } of response.body.pipeThrough(new EventSourceParserStream())) console.log(data)
 */
export class EventSourceParserStream extends TransformStream<Chunk, EventSourceMessage> {
  constructor(options: ParserStreamOptions = {}) {
    let controller: TransformStreamDefaultController<EventSourceMessage>
    const parser = createStreamParser(options, event => controller.enqueue(event))
    super({
      start: own => {
        controller = own
      },
      transform: parser.feed,
      flush: parser.end,
    })
  }
}
