import { types } from 'node:util'

import { NativeParser } from '../native.cjs'
import { native, refuseUnknown, SsecastError } from './error.js'

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
  /** The most bytes that the data, event and id lines of one event may have: 16 MiB by default, and at most 128 MiB. */
  maxEventBytes?: number | undefined
}

/** A parser at some place in a stream. Its functions need no `this`. */
export interface EventSourceParser {
  /**
   * Parses one chunk, which is copied as far as it is needed later. Chunks may be cut anywhere.
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

// The words of a table, as the addon writes it.
const HEAD = 2
const EVENT = 1
const ID = 2
const DATA = 4
const COMMENT = 8

/** Larger chunks are parsed in pieces of this many bytes or units: that bounds the table and the text. */
const PIECE = 1 << 16

/** Up to this many bytes, a decoder and JavaScript are faster than a call of the addon. */
const SMALL = 512

/** The same for strings, which need no decoder: what has short lines, and more units than these, is the addon's. */
const SMALL_TEXT = 4096

/** Up to this many units of an incomplete event wait for the next chunk, if they are fewer than it brings. */
const TAIL = 1024

const LF = 10
const CR = 13

const encoder = new TextEncoder()

/** Where strings are encoded and decoded: a call leaves nothing in it. */
let scratch = buffer(SMALL)

/** For text that is not ASCII: for text that is, a Buffer is faster. As a stream, a decoder of Node 20 is faster, too. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const STREAM = { stream: true }

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
  let table = new Uint32Array(new ArrayBuffer(64 * 4))
  const parser = native(() => new NativeParser({ maxEventBytes }, onComment !== undefined, table))
  const parse = native(() => parser.feeder())
  const isRoomy = (maxEventBytes ?? Infinity) >= 3 * PIECE

  // What is parsed and not yet delivered: the items in the table from one word to another, and the text that is left.
  let text = ''
  let at = 0
  let word = 0
  let end = 0
  // The same for text that needs no parser: what is left of it, and from where on.
  let plain = ''
  let from = 0
  /** The beginning of an event that such text ended with. */
  let tail = ''
  /** Whether nothing of the stream has come, so that a BOM still may. */
  let isStart = true
  /** Whether the stream is between two events, and text may be read here. */
  let isBetween = false
  /** Whether the last small chunk was not ASCII, and the next is probably not either. */
  let isWide = false
  let failed = false
  /** Whether `onError` has the error already. */
  let reported = false
  let lastEventId = ''
  /** Whether a callback may be under way. */
  let delivering = false
  /** Chunks that wait for what is not yet delivered. */
  let waiting: (Uint8Array | string)[] = []
  /** The first half of a character that strings were cut in. */
  let surrogate = ''

  function feed(chunk: Uint8Array | string): void {
    if (typeof chunk !== 'string' && !types.isUint8Array(chunk)) {
      throw new SsecastError('SSECAST_INVALID_DATA', 'chunk', 'must be a Uint8Array or a string')
    }
    if (chunk.length <= PIECE && word === end && plain === '' && waiting.length === 0 && !delivering) {
      read(chunk)
      if (word !== end || plain !== '' || failed) deliver()
      return
    }
    for (let start = 0; start < chunk.length; start += PIECE) {
      const until = start + PIECE
      waiting.push(typeof chunk === 'string' ? chunk.slice(start, until) : chunk.subarray(start, until))
    }
    if (delivering) {
      keep()
      return
    }
    try {
      deliver()
    } finally {
      keep()
    }
  }

  /** Copies what has to wait longer than the call that fed it: the caller may use the memory again. */
  function keep(): void {
    waiting = waiting.map(chunk => (typeof chunk === 'string' ? chunk : new Uint8Array(chunk)))
  }

  /** Takes one piece; everything before it is delivered. */
  function read(chunk: Uint8Array | string): void {
    if (typeof chunk === 'string') {
      if (surrogate !== '') {
        chunk = surrogate + chunk
        surrogate = ''
      }
      const last = chunk.charCodeAt(chunk.length - 1)
      if (last >= 0xd800 && last < 0xdc00) {
        surrogate = chunk.slice(-1)
        chunk = chunk.slice(0, -1)
      }
      const isEasy = isRoomy && (chunk.length <= SMALL_TEXT || chunk.indexOf('\n') > TAIL)
      if (isStart && isEasy && chunk !== '' && !chunk.startsWith('\ufeff')) {
        // A blank line means nothing, and takes the addon past the place of a BOM.
        parseText('\n')
        isBetween = true
      }
      if (isBetween && isEasy && tail.length <= chunk.length) {
        plain = tail + chunk.toWellFormed()
        tail = ''
        from = 0
      } else {
        flush()
        parseText(chunk)
      }
      return
    }
    flush()
    if (surrogate !== '') {
      parseText(surrogate)
      surrogate = ''
    }
    const { length } = chunk
    if (isBetween && isRoomy && length <= SMALL && endsBlock(chunk, length)) {
      // Line ends are ASCII, so whole lines hold whole characters, and leave nothing in a decoder.
      if (isWide && !(chunk.buffer instanceof SharedArrayBuffer)) plain = decoder.decode(chunk, STREAM)
      else {
        scratch.set(chunk)
        plain = scratch.utf8Slice(0, length)
      }
      isWide = plain.length !== length
      from = 0
      return
    }
    // Another thread must not change what is being parsed.
    parseBytes(chunk.buffer instanceof SharedArrayBuffer ? new Uint8Array(chunk) : chunk, length)
  }

  /** Gives the addon what was to wait for more text. */
  function flush(): void {
    if (tail !== '') parseText(tail)
    tail = ''
  }

  function parseText(chunk: string): void {
    // A unit of UTF-16 is at most three bytes.
    if (scratch.length < chunk.length * 3) scratch = buffer(chunk.length * 3)
    parseBytes(scratch, encoder.encodeInto(chunk, scratch).written)
  }

  function parseBytes(bytes: Uint8Array, length: number): void {
    text = parse(bytes, length) ?? ''
    at = 0
    word = HEAD
    end = table[0]!
    failed = table[1] !== 0
    if (end > table.length) {
      table = new Uint32Array(new ArrayBuffer(end * 8))
      parser.useTable(table)
    }
    isStart &&= length === 0
    isBetween = !failed && endsBlock(bytes, length)
  }

  /** Calls back with everything that is there. An error of a callback leaves the rest for the next call. */
  function deliver(): void {
    delivering = true
    try {
      for (;;) {
        while (word < end) item()
        if (failed) fail()
        if (plain !== '') {
          plainEvents()
          continue
        }
        if (waiting.length === 0) return
        read(waiting.shift()!)
      }
    } finally {
      delivering = false
    }
  }

  /** Calls back with one item, which counts as delivered from then on. */
  function item(): void {
    const has = table[word++]!
    if (has === DATA) {
      // Most events are like this.
      const data = next()
      if (onEvent !== undefined) onEvent({ event: undefined, id: undefined, data, lastEventId })
    } else if ((has & DATA) !== 0) {
      const event = (has & EVENT) === 0 ? undefined : next()
      const id = (has & ID) === 0 ? undefined : (lastEventId = next())
      const data = next()
      if (onEvent !== undefined) onEvent({ event, id, data, lastEventId })
    } else if (has === ID) {
      lastEventId = next()
    } else if (has === COMMENT) {
      const comment = next()
      onComment!(comment)
    } else {
      const milliseconds = table[word]! * 2 ** 32 + table[word + 1]!
      word += 2
      if (onRetry !== undefined) onRetry(milliseconds)
    }
  }

  /** The next text of an item. */
  function next(): string {
    const start = at
    at += table[word++]!
    return text.slice(start, at)
  }

  /**
   * Calls back with events of `data`, `event` and `id` lines, each ended by LF or CRLF and with one space after its
   * colon. From the first thing on that is anything else, the addon parses.
   */
  function plainEvents(): void {
    const chunk = plain
    let cr = chunk.indexOf('\r', from)
    let isCutOff = false
    for (;;) {
      let event: string | undefined
      let id: string | undefined
      let data: string | undefined
      let lineEnd: number
      for (let line = from; ; line = lineEnd + 1) {
        const first = chunk.charCodeAt(line)
        if (first === LF) {
          lineEnd = line
          break
        }
        let end = (lineEnd = chunk.indexOf('\n', line))
        if (end === -1) {
          isCutOff = cr === -1
          break
        }
        if (cr !== -1 && cr < end) {
          // Only the CR of a CRLF, or the line ends before.
          if (cr !== --end) lineEnd = -1
          cr = chunk.indexOf('\r', lineEnd)
          if (end === line || lineEnd === -1) break
        }
        if (isData(chunk, line, first)) {
          const value = chunk.slice(line + 6, end)
          data = data === undefined ? value : `${data}\n${value}`
        } else if (first === 0x65 && chunk.startsWith('event: ', line)) event = chunk.slice(line + 7, end)
        else if (first === 0x69 && chunk.startsWith('id: ', line)) id = chunk.slice(line + 4, end)
        else lineEnd = -1
        if (lineEnd === -1) break
      }
      if (data === undefined || lineEnd === -1 || id?.includes('\0')) break
      from = lineEnd + 1
      if (from === chunk.length) plain = ''
      if (id !== undefined) lastEventId = id
      if (event === '' || event === 'message') event = undefined
      if (onEvent !== undefined) onEvent({ event, id, data, lastEventId })
      if (plain !== chunk) return
    }
    plain = ''
    // Another line of it may be one that calls back, and waits for nothing: the addon gets it as soon as it has ended.
    if (isCutOff && chunk.length - from <= TAIL) tail = chunk.slice(from)
    else parseText(chunk.slice(from))
  }

  function fail(): void {
    failed = false
    waiting = []
    try {
      native(() => parser.check())
    } catch (error) {
      if (onError === undefined || reported) throw error
      reported = true
      onError(error as SsecastError)
    }
  }

  function drop(): void {
    word = end = 0
    text = plain = tail = surrogate = ''
    isBetween = failed = reported = false
    isStart = true
    waiting = []
    parser.finish()
  }

  function reset({ consume = false }: { consume?: boolean | undefined } = {}): void {
    try {
      if (consume && !delivering) {
        deliver()
        flush()
        if (parser.inLine) feed('\n')
      }
    } finally {
      drop()
    }
  }

  return {
    feed,
    reset,
    get lastEventId() {
      return lastEventId
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

/** `toString` calls `utf8Slice`, which Node's types leave out; for a small event, all that it does before takes as long. */
function buffer(length: number): Buffer & { utf8Slice(start: number, end: number): string } {
  return Buffer.alloc(length) as ReturnType<typeof buffer>
}

/** Whether the last line end is that of a blank line, both of them LF or CRLF. */
function endsBlock(bytes: Uint8Array, length: number): boolean {
  if (bytes[length - 1] !== LF) return false
  return bytes[length - 2] === LF || (bytes[length - 2] === CR && bytes[length - 3] === LF)
}

/** Whether a line begins with `data: `; the same by `startsWith` takes ten times as long. */
function isData(text: string, at: number, first: number): boolean {
  return (
    first === 0x64 &&
    text.charCodeAt(at + 1) === 0x61 &&
    text.charCodeAt(at + 2) === 0x74 &&
    text.charCodeAt(at + 3) === 0x61 &&
    text.charCodeAt(at + 4) === 0x3a &&
    text.charCodeAt(at + 5) === 0x20
  )
}
