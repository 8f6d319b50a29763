import { types } from 'node:util'

import { ByteParser } from './byte-parser.js'
import { refuseUnknown, SsecastError } from './error.js'
import { TextParser } from './text-parser.js'

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
  /** The most bytes of UTF-8 that the data, event and id lines of one event may have: 16 MiB by default, and at most 128 MiB. */
  maxEventBytes?: number | undefined
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
  feed(chunk: Uint8Array | string): void
  /**
   * Ends the stream, and awaits the next one: an incomplete event is dropped, and so is what a callback's error or the
   * callback under way has held up. The last event ID stays. With `consume`, all this is delivered first, and an
   * unfinished line is taken as finished.
   */
  reset(options?: { consume?: boolean | undefined }): void
  /** What a client sends to resume after what was delivered; empty if there was no id. */
  readonly lastEventId: string
}

/** What both parsers call, and what they know together. */
export interface Sink extends ParserCallbacks {
  /** The last event ID of the stream (SPEC 14). */
  lastEventId: string
}

/** Larger chunks of bytes are parsed in pieces of this many: that bounds the table, and the text that an event may keep. */
const PIECE = 1 << 16

const encoder = new TextEncoder()
const LINE_END = encoder.encode('\n')

/**
 * Makes a parser of an event stream, by the rules of the HTML specification.
 *
 * @throws {SsecastError} for an option that there is not, or one out of its range.
 * @example
 * const parser = createParser({ onEvent: ({ event, data }) => console.log(event, data) })
 * for await (const chunk of response.body) parser.feed(chunk)
 */
export function createParser(options: ParserOptions): EventSourceParser {
  const { onEvent, onComment, onRetry, onError, maxEventBytes } = checked(options)
  const sink: Sink = { onEvent, onComment, onRetry, lastEventId: '' }
  // A block is parsed where it began: bytes by the Rust core, strings in JavaScript.
  const bytes = new ByteParser(sink, { maxEventBytes })
  const strings = new TextParser(sink, bytes.maxEventBytes)
  /** Whether the Rust core has had anything of the stream. */
  let hasBytes = false
  /** The first half of a character, of a string that goes on with a block of bytes. */
  let half = ''
  /** What decodes bytes that go on with a block of a string, and whether the last of them may be a part of a character. */
  let decoder: TextDecoder | undefined
  let isSplit = false
  /** Chunks that wait for what is not yet delivered. */
  let waiting: (Uint8Array | string)[] = []
  /** Whether a callback may be under way. */
  let isDelivering = false
  /** The one error of a stream. */
  let failure: unknown
  /** Which parser may have a chunk of its kind as it comes: nothing is left of those before, and no block is the other's. */
  let direct: ByteParser | TextParser | undefined

  function feed(chunk: Uint8Array | string): void {
    const own = typeof chunk === 'string' ? strings : bytes
    if (direct === own && (typeof chunk === 'string' || (chunk instanceof Uint8Array && chunk.length <= PIECE))) {
      begin()
      try {
        if (typeof chunk === 'string') strings.feed(chunk)
        else bytes.feed(chunk)
      } finally {
        isDelivering = false
      }
      // A callback may have fed more, or begun another stream.
      if (waiting.length === 0 && !own.hasFailed && (own === strings || hasBytes)) direct = own
      else deliver()
      return
    }
    if (typeof chunk !== 'string' && !types.isUint8Array(chunk)) {
      throw new SsecastError('SSECAST_INVALID_DATA', 'chunk', 'must be a Uint8Array or a string')
    }
    const isPiece = typeof chunk === 'string' || chunk.length <= PIECE
    if (isPiece && !isDelivering && waiting.length === 0 && !bytes.hasRest && !strings.hasRest) {
      deliver(chunk)
      if (half === '' && !isSplit) {
        if (typeof chunk !== 'string') direct = hasBytes && strings.isBetween ? bytes : undefined
        else if (bytes.isBetween) direct = strings
      }
      return
    }
    if (isPiece) waiting.push(chunk)
    else for (let start = 0; start < chunk.length; start += PIECE) waiting.push(chunk.subarray(start, start + PIECE))
    try {
      if (!isDelivering) deliver()
    } finally {
      // What has to wait longer than this call is copied: the caller may use the memory again.
      waiting = waiting.map(chunk => (typeof chunk === 'string' ? chunk : new Uint8Array(chunk)))
    }
  }

  /** An error of a callback leaves it to the next call to see what is left. */
  function begin(): void {
    direct = undefined
    isDelivering = true
  }

  /** Delivers all that waits, and this chunk when there is nothing. An error of a callback leaves the rest for later. */
  function deliver(chunk?: Uint8Array | string): void {
    if (failure !== undefined) throw failure
    begin()
    try {
      if (chunk !== undefined) read(chunk)
      for (;;) {
        if (bytes.hasRest) bytes.resume()
        else if (strings.hasRest) strings.resume()
        else if (bytes.hasFailed || strings.hasFailed) return fail()
        else if (waiting.length > 0) read(waiting.shift()!)
        else return
      }
    } finally {
      isDelivering = false
    }
  }

  /** Parses one piece; everything before it is delivered. */
  function read(chunk: Uint8Array | string): void {
    if (typeof chunk === 'string') {
      if (half !== '' || !bytes.isBetween) readBytes(encoded(chunk))
      else {
        if (decoder !== undefined) strings.feed(decoder.decode())
        isSplit = false
        strings.feed(chunk)
      }
    } else if (isSplit || !strings.isBetween) strings.feed(decoded(chunk))
    else {
      if (half !== '') readBytes(encoder.encode(half))
      half = ''
      readBytes(chunk)
    }
  }

  function readBytes(chunk: Uint8Array): void {
    if (!hasBytes) {
      hasBytes = true
      // A blank line means nothing, and takes the core past the place of a BOM.
      if (!strings.isStart) bytes.feed(LINE_END)
      strings.isStart = false
    }
    bytes.feed(chunk)
  }

  /** The bytes of a string that goes on with a block of bytes. */
  function encoded(chunk: string): Uint8Array {
    chunk = half + chunk
    half = /[\ud800-\udbff]$/.exec(chunk)?.[0] ?? ''
    return encoder.encode(chunk.slice(0, chunk.length - half.length))
  }

  /** The text of bytes that go on with a block of a string. */
  function decoded(chunk: Uint8Array): string {
    decoder ??= new TextDecoder('utf-8', { ignoreBOM: true })
    isSplit = chunk[chunk.length - 1]! >= 0x80
    return decoder.decode(chunk, { stream: true })
  }

  function fail(): void {
    waiting = []
    try {
      bytes.check()
      const problem = `is larger than ${bytes.maxEventBytes} bytes; raise the limit if the source is trusted, or reset the parser`
      throw new SsecastError('SSECAST_EVENT_TOO_LARGE', 'event', problem)
    } catch (error) {
      failure = error
    }
    if (onError === undefined) throw failure
    onError(failure as SsecastError)
  }

  function reset({ consume = false }: { consume?: boolean | undefined } = {}): void {
    try {
      if (consume && !isDelivering && failure === undefined) {
        deliver()
        if (bytes.isInLine || half !== '' || strings.isInLine || isSplit) feed('\n')
      }
    } finally {
      bytes.reset()
      strings.reset()
      hasBytes = isSplit = false
      half = ''
      decoder = failure = undefined
      waiting = []
    }
  }

  return {
    feed,
    reset,
    get lastEventId() {
      return sink.lastEventId
    },
  }
}

const CALLBACKS = ['onEvent', 'onComment', 'onRetry', 'onError'] as const

function checked(options: ParserOptions): ParserOptions {
  if (typeof options !== 'object' || options === null) {
    throw new SsecastError('SSECAST_INVALID_OPTION', 'options', 'must be an object, such as { onEvent: event => … }')
  }
  refuseUnknown(options, [...CALLBACKS, 'maxEventBytes'])
  for (const name of CALLBACKS) {
    if (options[name] !== undefined && typeof options[name] !== 'function') {
      throw new SsecastError('SSECAST_INVALID_OPTION', name, 'must be a function')
    }
  }
  return options
}
