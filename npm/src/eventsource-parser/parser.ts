import { createGrammar } from '../parser/grammar.js'
import { ParseError } from './error.js'

/** A parser at some place in a stream. Its functions need no `this`. */
export interface EventSourceParser {
  /** Parses one chunk, which may be cut anywhere. Callbacks are called before it returns. */
  feed(chunk: string): void
  /** Ends the stream, and awaits the next one: an incomplete event is dropped. With `consume`, an unfinished line is taken as finished first. */
  reset(options?: { consume?: boolean }): void
}

/** An event of a stream. */
export interface EventSourceMessage {
  /** The type, as the stream gave it. */
  event?: string | undefined
  /** The id that this event itself carried. */
  id?: string | undefined
  /** The data lines, joined with LF. */
  data: string
}

/** What is called with what a stream brings, in its order. */
export interface ParserCallbacks {
  /** Gets the id of each block that has one, at its blank line and before its event; a block needs no data for it. */
  onId?: ((id: string) => void) | undefined
  /** Gets each event with data. */
  onEvent?: ((event: EventSourceMessage) => void) | undefined
  /** Gets each reconnection time in milliseconds. */
  onRetry?: ((retry: number) => void) | undefined
  /** Gets each comment, without its colon and one space after it. */
  onComment?: ((comment: string) => void) | undefined
  /**
   * Gets what is wrong: a line that means nothing, if it came whole before its end was known not to matter, and a buffer that is
   * full.
   */
  onError?: ((error: ParseError) => void) | undefined
}

/** The callbacks and the limit of a parser. */
export interface ParserConfig extends ParserCallbacks {
  /**
   * The most characters that may be kept from one `feed` to the next: those of the data of an event that has not ended, and of an
   * unfinished line. Without it there is no limit. When it is passed, `onError` gets a `ParseError` of the type
   * `max-buffer-size-exceeded`, and `feed` throws until `reset`.
   */
  maxBufferSize?: number | undefined
}

/** Makes a parser of an event stream. */
export function createParser(config: ParserConfig): EventSourceParser {
  if (typeof config === 'function') {
    throw new TypeError('`config` must be an object, got a function instead. Did you mean `createParser({onEvent: fn})`?')
  }
  const { maxBufferSize, onComment, onError, onEvent, onId, onRetry } = config
  let isTerminated = false
  /** The beginning of the stream while it may be a BOM, in one character or in three that are its bytes. */
  let begin: string | undefined = ''

  const grammar = createGrammar(
    {
      id: onId,
      event: onEvent,
      comment: onComment,
      retry: onRetry,
      unknown:
        onError &&
        ((field, value, line) => {
          const name = field.length > 20 ? `${field.slice(0, 20)}…` : field
          onError(
            field === 'retry'
              ? new ParseError(`Invalid \`retry\` value: "${value}"`, { type: 'invalid-retry', value, line })
              : new ParseError(`Unknown field "${name}"`, { type: 'unknown-field', field, value, line }),
          )
        }),
      fail() {
        isTerminated = true
        const problem = `Buffered data exceeded max buffer size of ${maxBufferSize} characters`
        onError?.(new ParseError(problem, { type: 'max-buffer-size-exceeded' }))
      },
    },
    { most: maxBufferSize ?? Infinity, isDropIn: true },
  )

  return {
    feed(chunk) {
      if (isTerminated) {
        throw new Error(
          'Cannot feed parser: it was terminated after exceeding the configured max buffer size. Call `reset()` to resume parsing.',
        )
      }
      if (begin !== undefined) {
        chunk = begin + chunk
        begin = undefined
        if ('\xef\xbb'.startsWith(chunk)) begin = chunk
        else grammar.feed(chunk.replace(/^(?:\ufeff|\xef\xbb\xbf)/, ''))
      } else grammar.feed(chunk)
    },
    reset({ consume } = {}) {
      if (consume && !isTerminated && !grammar.isBusy()) grammar.end(false)
      // A callback's reset leaves the rest of the chunk under way.
      grammar.reset(grammar.isBusy())
      isTerminated = false
      begin = ''
    },
  }
}
