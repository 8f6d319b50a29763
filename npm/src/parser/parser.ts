import { refuseUnknown, SsecastError } from '../error.js'
import { createDecoder } from './decoder.js'
import { createGrammar, type Grammar } from './grammar.js'
import type { Handler } from './handler.js'

/** An event of a stream. */
export interface EventSourceMessage {
  /** The type, unless it is `message`. */
  event: string | undefined
  /** The id that this event itself carried. */
  id: string | undefined
  /** The data lines, joined with LF. */
  data: string
  /** The last event ID of the stream: of this event, or of an earlier one; empty if there was none. */
  lastEventId: string
}

/** What is called with what a stream brings, in its order, and before `feed` returns. */
export interface ParserCallbacks {
  /** Gets each event with data. */
  onEvent?: ((event: EventSourceMessage) => void) | undefined
  /** Gets each comment, without its colon and one space after it. */
  onComment?: ((comment: string) => void) | undefined
  /** Gets each reconnection time in milliseconds, as soon as its line has ended. */
  onRetry?: ((milliseconds: number) => void) | undefined
  /**
   * Gets the one error that a stream can have, an event that is too large (`SSECAST_EVENT_TOO_LARGE`), instead of
   * the caller of `feed`. Fields and reconnection times that the specification tells receivers to ignore are no errors.
   */
  onError?: ((error: SsecastError) => void) | undefined
}

/** The callbacks and the limit of a parser. */
export interface ParserOptions extends ParserCallbacks {
  /**
   * The most bytes of UTF-8 that the data, event and id lines of one event may have: 16 MiB by default; `Infinity` for no limit.
   * Other lines that would take the event under way over it are discarded.
   */
  maxEventBytes?: number | undefined
}

/** A piece of a stream: bytes, which are UTF-8, or a string. */
export type Chunk = Uint8Array | ArrayBufferLike | DataView | string

/** How a stream ends. */
export interface EndOptions {
  /** Take an unfinished line as finished, and deliver what an error has held up. */
  consume?: boolean | undefined
  /** Deliver the unfinished event too, which the specification drops: some servers leave out the last blank line. */
  dispatchUnfinished?: boolean | undefined
}

/** A parser at some place in a stream. Its functions need no `this`. */
export interface EventSourceParser {
  /**
   * Parses one chunk, which is copied as far as it is needed later. Chunks may be cut anywhere. What is not UTF-8 in bytes
   * becomes U+FFFD; a string is taken as it is.
   *
   * An error that a callback throws reaches the caller. What the callback was called with counts as delivered; what
   * came after it is delivered by the next call, before the next chunk. A chunk that a callback feeds is parsed
   * after the one under way.
   *
   * @throws {SsecastError} `SSECAST_EVENT_TOO_LARGE`, after what came before that event, unless there is `onError`. Later
   * calls throw it always, until `reset`.
   */
  feed(chunk: Chunk): void
  /**
   * Ends the stream, and awaits the next one: an incomplete event is dropped, and so is what a callback's error or the
   * callback under way has held up. The last event ID stays.
   */
  reset(options?: EndOptions): void
  /** What a client sends to resume after what was delivered; empty if there was no id. */
  readonly lastEventId: string
}

const DEFAULT_MAX_EVENT_BYTES = 16 << 20

/** Nothing of the stream has come, so that a BOM still may (SPEC 2); or what it came as last. */
const START = 0
const BYTES = 1
const TEXT = 2

/** Larger chunks of bytes are parsed in pieces of this many, because an event may keep the text of its whole piece. */
const PIECE = 1 << 16

/**
 * Makes a parser of an event stream, by the rules of the HTML specification.
 *
 * @throws {SsecastError} for an option that there is not, or one out of its range.
 * @example
 * const parser = createParser({ onEvent: ({ event, data }) => console.log(event, data) })
 * for await (const chunk of response.body) parser.feed(chunk)
 */
export function createParser(options: ParserOptions): EventSourceParser {
  const { onEvent, onComment, onRetry, onError, maxEventBytes: most = DEFAULT_MAX_EVENT_BYTES } = checked(options)
  const decoder = createDecoder()
  let failure: SsecastError | undefined
  let state = START

  const grammar = createGrammar(
    {
      // This dialect has last event IDs.
      event: onEvent as Handler['event'],
      comment: onComment,
      // Beyond it, numbers are not exact.
      retry: onRetry && (milliseconds => onRetry(Math.min(milliseconds, Number.MAX_SAFE_INTEGER))),
      fail() {
        const problem = `is larger than ${most} bytes; raise the limit if the source is trusted, or reset the parser`
        state = START
        failure = new SsecastError('SSECAST_EVENT_TOO_LARGE', 'event', problem)
        if (onError === undefined) throw failure
        onError(failure)
      },
    },
    { most, isDropIn: false },
  )

  function feed(chunk: Chunk): void {
    if (state === TEXT && typeof chunk === 'string') grammar.feed(chunk)
    else if (state === BYTES && chunk instanceof Uint8Array && chunk.length <= PIECE) grammar.feed(decoder.decode(chunk))
    else feedAny(chunk)
  }

  function feedAny(chunk: Chunk): void {
    if (failure !== undefined) throw failure
    if (typeof chunk === 'string') {
      if (chunk === '') return grammar.feed('')
      const text = begun(decoder.end() + chunk)
      state = TEXT
      grammar.feed(text)
    } else {
      const bytes = bytesOf(chunk)
      for (let start = 0; start < bytes.length; start += PIECE) grammar.add(begun(decoder.decode(bytes.subarray(start, start + PIECE))))
      if (state !== START) state = BYTES
      grammar.feed('')
    }
  }

  /** The text without a BOM at the beginning of the stream. */
  function begun(text: string): string {
    if (state !== START || text === '') return text
    state = TEXT
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  }

  function reset({ consume = false, dispatchUnfinished = false }: EndOptions = {}): void {
    try {
      if ((consume || dispatchUnfinished) && !grammar.isBusy() && failure === undefined) {
        grammar.feed(begun(decoder.end()))
        grammar.end(dispatchUnfinished)
      }
    } finally {
      decoder.end()
      grammar.reset()
      state = START
      failure = undefined
    }
  }

  return new Parser(feed, reset, grammar)
}

/** A class, because an object whose literal has a getter takes microseconds to make. */
class Parser implements EventSourceParser {
  readonly #grammar: Grammar

  constructor(
    readonly feed: EventSourceParser['feed'],
    readonly reset: EventSourceParser['reset'],
    grammar: Grammar,
  ) {
    this.#grammar = grammar
  }

  get lastEventId(): string {
    return this.#grammar.lastEventId()
  }
}

/** The bytes of what is no string. */
function bytesOf(chunk: unknown): Uint8Array {
  // Also what belongs to another realm, such as a frame or a context of node:vm.
  switch (Object.prototype.toString.call(chunk)) {
    case '[object ArrayBuffer]':
    case '[object SharedArrayBuffer]':
      return new Uint8Array(chunk as ArrayBuffer)
    case '[object Uint8Array]':
      return chunk as Uint8Array
    case '[object DataView]': {
      const { buffer, byteOffset, byteLength } = chunk as DataView
      return new Uint8Array(buffer, byteOffset, byteLength)
    }
  }
  throw new SsecastError('SSECAST_INVALID_DATA', 'chunk', 'must be a Uint8Array, an ArrayBuffer or a string')
}

const CALLBACKS = ['onEvent', 'onComment', 'onRetry', 'onError'] as const
const OPTIONS = [...CALLBACKS, 'maxEventBytes']

function checked(options: ParserOptions): ParserOptions {
  if (typeof options !== 'object' || options === null) {
    throw new SsecastError('SSECAST_INVALID_OPTION', 'options', 'must be an object, such as { onEvent: event => … }')
  }
  refuseUnknown(options, OPTIONS)
  for (const name of CALLBACKS) {
    if (options[name] !== undefined && typeof options[name] !== 'function') {
      throw new SsecastError('SSECAST_INVALID_OPTION', name, 'must be a function')
    }
  }
  const { maxEventBytes: most = 0 } = options
  if (most !== Infinity && !(Number.isSafeInteger(most) && most >= 0)) {
    throw new SsecastError('SSECAST_INVALID_OPTION', 'maxEventBytes', 'must be a whole number of bytes, or Infinity for no limit')
  }
  return options
}
