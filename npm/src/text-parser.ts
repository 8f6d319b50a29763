import type { Sink } from './parser.js'
import { Rope } from './rope.js'

const LF = 10
const CR = 13
const SPACE = 32
const COLON = 58
const A = 97
const D = 100
const E = 101
const I = 105
const N = 110
const R = 114
const T = 116
const V = 118

/**
 * The grammar of event streams, for text in chunks. Its rules are those of the Rust codec, and the tests hold it to
 * them. A callback may throw or reset the parser: before each call, the fields have all that the rest needs.
 */
export class TextParser {
  /** Whether an event was too large (SPEC 18). */
  hasFailed = false

  /** The chunk under way, and where its next line begins. */
  private text = ''
  private at = 0
  /** Whether nothing of the stream has come, here or elsewhere, so that a BOM still may (SPEC 2). */
  isStart = true
  /** Whether the last chunk ended with a CR, whose LF may still come (SPEC 4). */
  private isAfterCr = false

  /** The beginning of a line whose end has not come. */
  private readonly line = new Rope()
  /** Its bytes, if they had to be counted, and its last unit. */
  private lineBytes = 0
  private lastUnit = 0

  // What the block under way has of earlier chunks, if there is any.
  private hasBlock = false
  private hasData = false
  private readonly data = new Rope()
  private event: string | undefined
  private id: string | undefined
  /** The units of its data, event and id lines. A unit is one to three bytes of UTF-8. */
  private units = 0
  /** How many bytes these lines have beyond that, once they had to be counted; before, only of lines that were replaced. */
  private extra = 0
  private isCounted = false

  /** So many units fit, whatever they are: only from there on are bytes counted. */
  private readonly roomyUnits: number

  constructor(
    private readonly sink: Sink,
    private readonly maxEventBytes: number,
  ) {
    this.roomyUnits = Math.floor(maxEventBytes / 3)
  }

  /** Whether an error of a callback, or the callback under way, has left something of the last chunk. */
  get hasRest(): boolean {
    return this.at < this.text.length
  }

  /** Whether the last line has not ended. */
  isInLine = false

  /** Whether the stream is between two blocks. */
  get isBetween(): boolean {
    return !this.hasBlock && !this.isInLine
  }

  /** Ends the stream: everything but the last event ID is forgotten (SPEC 15). */
  reset(): void {
    this.text = ''
    this.at = 0
    this.isStart = true
    this.isAfterCr = false
    this.hasFailed = false
    this.takeLine()
    this.takeBlock(undefined)
  }

  /** Parses a chunk, when nothing is left of the one before. */
  feed(chunk: string): void {
    if (chunk === '' || this.hasFailed) return
    let at = 0
    if (this.isStart) {
      this.isStart = false
      if (chunk.charCodeAt(0) === 0xfeff) at = 1
    } else if (this.isAfterCr && chunk.charCodeAt(0) === LF) at = 1
    this.isAfterCr = chunk.charCodeAt(chunk.length - 1) === CR
    if (this.isInLine) {
      if (chunk.indexOf('\n') === -1 && chunk.indexOf('\r') === -1) {
        this.hold(chunk)
        return
      }
      chunk = this.takeLine() + chunk
    }
    this.text = chunk
    this.at = at
    this.resume()
  }

  /** Parses what is left of the chunk. */
  resume(): void {
    const { text, sink } = this
    const { onEvent } = sink
    const { length } = text
    // Once the bytes of a block count, those of each line do.
    let roomyUnits = this.isCounted ? -1 : this.roomyUnits
    let line = this.at
    let data: string | undefined
    let { event, id, units } = this
    // Where the next LF and the next CR are: at the end of the text if there is none.
    let lf = -1
    let cr = -1
    while (line < length) {
      const first = text.charCodeAt(line)
      if (first === LF || first === CR) {
        line = afterLineEnd(text, line, first)
        if (this.hasBlock) {
          data = this.takeBlock(data)
          roomyUnits = this.roomyUnits
        }
        this.at = line
        // The last event ID comes first; without data there is no event (SPEC 12).
        if (id !== undefined) sink.lastEventId = id
        if (data !== undefined && onEvent !== undefined) {
          onEvent({ event, id, data, lastEventId: sink.lastEventId })
          if (this.at !== line) return
        }
        data = event = id = undefined
        units = 0
        continue
      }
      if (lf < line && (lf = text.indexOf('\n', line)) === -1) lf = length
      if (cr < line && (cr = text.indexOf('\r', line)) === -1) cr = length
      const end = lf < cr ? lf : cr
      if (end === length) break
      const size = end - line
      if (units + size > roomyUnits) {
        if (units !== 0) this.keep(data, event, id, units)
        data = undefined
        if (!this.takes(text.slice(line, end))) return
        roomyUnits = -1
      }
      if (first === D && isData(text, line, end)) {
        const value = text.slice(valueStart(text, line + 4, end), end)
        data = data === undefined ? value : `${data}\n${value}`
        units += size
      } else if (first === E && isEvent(text, line, end)) {
        if (event !== undefined) this.replace(event)
        event = text.slice(valueStart(text, line + 5, end), end)
        // To compare only what is as long takes less time.
        if (event.length === 0 || (event.length === 7 && event === 'message')) event = undefined
        units += size
      } else if (first === I && isId(text, line, end)) {
        const value = text.slice(valueStart(text, line + 2, end), end)
        if (!value.includes('\0')) {
          if (id !== undefined) this.replace(id)
          id = value
          units += size
        }
      } else if (first === COLON || first === R) {
        if (units !== 0) this.keep(data, event, id, units)
        data = undefined
        const after = (this.at = afterLineEnd(text, end, text.charCodeAt(end)))
        if (first === COLON) this.comment(text, line, end)
        else this.retry(text.slice(line, end))
        if (this.at !== after) return
      }
      line = end + (end === cr && lf === end + 1 ? 2 : 1)
    }
    if (units !== 0) this.keep(data, event, id, units)
    this.text = ''
    this.at = 0
    if (line < length) this.hold(text.slice(line))
  }

  private comment(text: string, line: number, end: number): void {
    this.sink.onComment?.(text.slice(valueStart(text, line, end), end))
  }

  /** Digits alone are a time, and a large one saturates (SPEC 11). */
  private retry(line: string): void {
    const [, digits] = /^retry: ?([0-9]+)$/.exec(line) ?? []
    if (digits !== undefined) this.sink.onRetry?.(Math.min(Number(digits), Number.MAX_SAFE_INTEGER))
  }

  /** Keeps what the block has, beyond the chunk or while a callback is called. */
  private keep(data: string | undefined, event: string | undefined, id: string | undefined, units: number): void {
    this.hasBlock = true
    if (data !== undefined) {
      if (this.hasData) this.data.add('\n')
      this.data.add(data)
      this.hasData = true
    }
    this.event = event
    this.id = id
    this.units = units
  }

  /** Ends the block that was kept, and returns all its data: what was kept, and what came last. */
  private takeBlock(data: string | undefined): string | undefined {
    if (this.hasData) {
      const kept = this.data.toString()
      data = data === undefined ? kept : `${kept}\n${data}`
      this.data.clear()
    }
    this.hasBlock = this.hasData = this.isCounted = false
    this.event = this.id = undefined
    this.units = this.extra = 0
    return data
  }

  /** Keeps a piece of a line whose end has not come. */
  private hold(piece: string): void {
    this.isInLine = true
    this.line.add(piece)
    if (this.units + this.line.length > this.roomyUnits) {
      if (this.lineBytes === 0) this.lineBytes = Buffer.byteLength(this.line.toString())
      // The halves of a pair count three each while they are apart.
      else this.lineBytes += Buffer.byteLength(piece) - (isPair(this.lastUnit, piece.charCodeAt(0)) ? 2 : 0)
      this.fits(this.lineBytes)
    }
    this.lastUnit = piece.charCodeAt(piece.length - 1)
  }

  private takeLine(): string {
    const line = this.line.toString()
    this.line.clear()
    this.isInLine = false
    this.lineBytes = 0
    return line
  }

  /** Counts a line that ends an event as too large if all of it has three bytes a unit; returns whether it is not. */
  private takes(line: string): boolean {
    const bytes = Buffer.byteLength(line)
    const fits = this.fits(bytes)
    if (isKept(line)) this.extra += bytes - line.length
    return fits
  }

  /** Whether the block has room for a line of so many bytes; if not, the stream has failed. */
  private fits(bytes: number): boolean {
    if (!this.isCounted) {
      this.hasBlock = this.isCounted = true
      this.extra += extraBytes(this.data.toString()) + extraBytes(this.event) + extraBytes(this.id)
    }
    if (this.units + this.extra + bytes <= this.maxEventBytes) return true
    this.reset()
    this.hasFailed = true
    return false
  }

  /** Notes that a line has taken the place of one with this value, which still counts. */
  private replace(value: string): void {
    if (!this.isCounted) this.extra += extraBytes(value)
    this.hasBlock = true
  }
}

/** Where the line after a line end begins, whose first unit is given. */
function afterLineEnd(text: string, at: number, first: number): number {
  return first === CR && text.charCodeAt(at + 1) === LF ? at + 2 : at + 1
}

// To compare units takes a tenth of the time of `startsWith`.

function isData(text: string, line: number, end: number): boolean {
  return (
    text.charCodeAt(line + 1) === A &&
    text.charCodeAt(line + 2) === T &&
    text.charCodeAt(line + 3) === A &&
    endsName(text, line + 4, end)
  )
}

function isEvent(text: string, line: number, end: number): boolean {
  return (
    text.charCodeAt(line + 1) === V &&
    text.charCodeAt(line + 2) === E &&
    text.charCodeAt(line + 3) === N &&
    text.charCodeAt(line + 4) === T &&
    endsName(text, line + 5, end)
  )
}

function isId(text: string, line: number, end: number): boolean {
  return text.charCodeAt(line + 1) === D && endsName(text, line + 2, end)
}

/** Whether a field's name ends here: at a colon, or with its line, whose value is empty then (SPEC 6). */
function endsName(text: string, at: number, end: number): boolean {
  return text.charCodeAt(at) === COLON || at === end
}

/** Where the value after a colon begins: one space does not belong to it (SPEC 5). */
function valueStart(text: string, colon: number, end: number): number {
  if (colon === end) return end
  return text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1
}

/** Whether a line stays in memory until its block ends. */
function isKept(line: string): boolean {
  return /^(data|event)(:|$)/.test(line) || (/^id(:|$)/.test(line) && !line.includes('\0'))
}

/** How many bytes more than units a text has. */
function extraBytes(text = ''): number {
  return Buffer.byteLength(text) - text.length
}

function isPair(first: number, second: number): boolean {
  return (first & 0xfc00) === 0xd800 && (second & 0xfc00) === 0xdc00
}
