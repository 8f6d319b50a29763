import { maxEventBytes, NativeParser } from '../native.cjs'
import { native } from './error.js'
import type { Sink } from './parser.js'

// The words of a table, as the addon writes it: how many there are, 1 for a failure, and then one for each text. What
// the text is stands in the low bits, and its length in the rest.
const HEAD = 2
const KIND_BITS = 3
const KIND = (1 << KIND_BITS) - 1
const DATA = 0
const EVENT = 1
const SAME_EVENT = 2
const ID = 3
const ID_ALONE = 4
const RETRY = 6

/** Up to this many bytes, to copy a chunk to where the core finds it costs less than to hand it over. */
const SMALL = 1024

const LF = 10
const CR = 13

/**
 * The Rust core's parser, for bytes in chunks: one call for each, which returns the texts of all items in it as one
 * string, and a table of what they are.
 *
 * A callback may throw or reset the parser: before each call, the fields have all that the rest needs.
 */
export class ByteParser {
  readonly maxEventBytes: number
  /** Whether the stream is surely between two blocks. */
  isBetween = true
  hasFailed = false

  // Made with the first chunk, as many parsers get strings alone: it takes longer than to parse some thousand bytes.
  private native: NativeParser | undefined
  private parse: ReturnType<NativeParser['feeder']> | undefined
  private table = new Int32Array()
  private small = new Uint8Array()
  /** Where in the table the next item is, and where the last one ends. */
  private word = 0
  private end = 0
  private text = ''
  private at = 0
  /** The type of the last event of the chunk that had one. */
  private type: string | undefined

  constructor(
    private readonly sink: Sink,
    options: { maxEventBytes?: number | undefined },
  ) {
    this.maxEventBytes = native(() => maxEventBytes(options))
  }

  private open(): ReturnType<NativeParser['feeder']> {
    const { maxEventBytes, sink } = this
    this.table = new Int32Array(64)
    this.small = new Uint8Array(SMALL)
    this.native = native(() => new NativeParser({ maxEventBytes }, sink.onComment !== undefined, this.table, this.small))
    return native(() => this.native!.feeder())
  }

  /** Whether an error of a callback, or the callback under way, has left something of the last chunk. */
  get hasRest(): boolean {
    return this.word !== this.end
  }

  /** Whether the last line has not ended. */
  get isInLine(): boolean {
    return this.native?.inLine ?? false
  }

  /** Ends the stream: everything but the last event ID is forgotten (SPEC 15). */
  reset(): void {
    this.word = this.end = 0
    this.text = ''
    this.isBetween = true
    this.hasFailed = false
    this.native?.finish()
  }

  /** Parses a chunk, when nothing is left of the one before. */
  feed(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    const parse = (this.parse ??= this.open())
    if (chunk.length <= SMALL) {
      this.small.set(chunk)
      this.text = parse(chunk.length) ?? ''
    } else {
      this.text = parse(chunk) ?? ''
    }
    const { table } = this
    this.end = table[0]!
    this.hasFailed = table[1] !== 0
    this.isBetween = endsWithBlankLine(chunk)
    if (this.end === HEAD) {
      this.word = HEAD
      return
    }
    if (this.end > table.length) this.native!.useTable((this.table = new Int32Array(2 * this.end)))
    this.word = HEAD
    this.at = 0
    this.resume()
  }

  /** Throws the error after which this has failed. */
  check(): void {
    native(() => this.native?.check())
  }

  /** Calls back with what is left of the chunk. */
  resume(): void {
    const { table, text, end, sink } = this
    const { onEvent } = sink
    let { word, at } = this
    let event: string | undefined
    let id: string | undefined
    while (word !== end) {
      const entry = table[word++]!
      const kind = entry & KIND
      const start = at
      at += entry >> KIND_BITS
      if (kind === DATA) {
        const data = text.slice(start, at)
        this.word = word
        this.at = at
        if (id !== undefined) sink.lastEventId = id
        if (onEvent !== undefined) {
          onEvent({ event, id, data, lastEventId: sink.lastEventId })
          if (this.word !== word) return
        }
        event = id = undefined
      } else if (kind === EVENT) event = this.type = text.slice(start, at)
      else if (kind === SAME_EVENT) event = this.type
      else if (kind === ID) id = text.slice(start, at)
      else {
        if (kind === RETRY) {
          const milliseconds = (entry >> KIND_BITS) * 2 ** 32 + (table[word++]! >>> 0)
          at = start
          this.word = word
          this.at = at
          sink.onRetry?.(milliseconds)
        } else {
          this.word = word
          this.at = at
          if (kind === ID_ALONE) sink.lastEventId = text.slice(start, at)
          else sink.onComment?.(text.slice(start, at))
        }
        if (this.word !== word) return
      }
    }
  }
}

function endsWithBlankLine(chunk: Uint8Array): boolean {
  const { length } = chunk
  const last = chunk[length - 1]
  if (last === LF) {
    const before = chunk[length - 2]
    if (before === LF) return true
    const first = chunk[length - 3]
    return before === CR && (first === LF || first === CR)
  }
  if (last !== CR) return false
  const before = chunk[length - 2]
  return before === LF || before === CR
}
