import { Char } from './char.js'
import type { Dialect } from './dialect.js'
import type { Handler } from './handler.js'
import { StringBuilder } from './string-builder.js'
import { bytesOf, extraOf, isPair } from './utf8.js'

/** The longest beginning of a line that shows what field it is: `event:`, `retry:`. */
const NAME = 6

/** The grammar at some place in a stream. */
export interface Grammar {
  /** Parses a chunk. One that a callback feeds is parsed after the one under way; what an error of a callback has held up comes first. */
  feed(chunk: string): void
  /** Leaves a chunk to the next call of `feed`. */
  add(chunk: string): void
  /** Takes an unfinished line as finished and, if `block` says so, the unfinished block too. */
  end(block: boolean): void
  /** Begins another stream. With `goesOn`, what is left of the chunk under way is its beginning. */
  reset(goesOn?: boolean): void
  /** Whether a callback is under way. */
  isBusy(): boolean
  /** The last id of a block that has ended, of whichever stream. */
  lastEventId(): string
}

/**
 * Makes the grammar of event streams, for text in chunks. Its rules are those of the Rust codec, and the tests hold it to
 * them. A callback may throw or reset the grammar: before each call, the outer variables have all that the rest needs.
 */
export function createGrammar(handler: Handler, { most, isDropIn }: Dialect): Grammar {
  // These are `var`: at each use in a function, V8 checks that a `let` or `const` has its value.
  var { block, id: onId, event: onEvent, comment, retry, unknown, fail } = handler
  var fields = ['data:', 'event:', 'id:', 'retry:', ...(comment ? [':'] : [])]
  /** So many units fit, whatever they are: only from there on are bytes counted. */
  var roomy = isDropIn ? most : Math.floor(most / 3)

  /** What an error of a callback has left of its chunk. */
  var rest = ''
  /** Whether anything is left for `settle`: that, a failure, or chunks that wait. */
  var hasRest = false
  /** How many streams there were. A callback may have begun another. */
  var streams = 0
  var waiting: string[] = []
  var lastEventId = ''
  var isBusy = false
  var hasFailed = false
  /** Whether a line goes on with the next chunk, or a line end. */
  var hasCarry = false
  /** Whether the last chunk ended with a CR, whose LF may still come (SPEC 4). */
  var isAfterCr = false
  /** The beginning of a line whose end has not come, or whether its rest is discarded. */
  var held = new StringBuilder()
  var isSkipping = false
  /** Its bytes, if they had to be counted, and its last unit. */
  var heldBytes = 0
  var lastUnit = 0

  // What the block under way has of earlier chunks, if there is any.
  var hasBlock = false
  var hasData = false
  var kept = new StringBuilder()
  var keptEvent: string | undefined
  var keptId: string | undefined
  /** The units of it that count. One is one to three bytes of UTF-8. */
  var keptUnits = 0
  /** How many bytes it has beyond that, once they had to be counted; before, only those of lines that were replaced. */
  var extra = 0
  var isCounted = false

  function feed(chunk: string): void {
    if (isBusy || hasRest) {
      add(chunk)
      if (isBusy) return
      chunk = ''
    }
    isBusy = true
    try {
      if (hasCarry) read(chunk)
      else parse(chunk, 0)
      if (hasRest) settle()
    } finally {
      isBusy = false
    }
  }

  function add(chunk: string): void {
    waiting.push(chunk)
    hasRest = true
  }

  /** Parses all that is left. */
  function settle(): void {
    while (hasRest) {
      if (rest !== '') {
        const chunk = rest
        rest = ''
        parse(chunk, 0)
      } else if (hasFailed) {
        hasRest = hasFailed = false
        waiting = []
        fail()
      } else if (waiting.length > 0) read(waiting.shift()!)
      else hasRest = false
    }
  }

  /** Parses a chunk that may go on with a line, or with a line end. */
  function read(chunk: string): void {
    if (chunk === '') return
    let start = 0
    if (isAfterCr && chunk.charCodeAt(0) === Char.LF) start = 1
    isAfterCr = chunk.charCodeAt(chunk.length - 1) === Char.CR
    if (isSkipping || held.length > 0) {
      if (!chunk.includes('\n') && !chunk.includes('\r')) {
        if (!isSkipping) hold(chunk)
        return
      }
      if (isSkipping) start = afterLineEnd(chunk, chunk.search(/[\r\n]/))
      else chunk = held.take(chunk)
      isSkipping = false
      heldBytes = 0
    }
    hasCarry = isAfterCr
    parse(chunk, start)
  }

  /** Parses a chunk from the beginning of a line on. */
  function parse(chunk: string, line: number): void {
    const { length } = chunk
    const stream = streams
    let data: string | undefined
    let event: string | undefined
    let id: string | undefined
    let units = 0
    let room = roomy
    if (hasBlock) {
      event = keptEvent
      id = keptId
      units = keptUnits
      // Once the bytes of a block count, those of each line do.
      if (isCounted) room = -1
    }
    // Where the next LF and the next CR are: at the end of the text if there is none.
    let lf = -1
    let cr = chunk.indexOf('\r', line)
    const hasCr = cr !== -1
    if (hasCr) {
      if (chunk.charCodeAt(length - 1) === Char.CR) hasCarry = isAfterCr = true
    } else cr = length
    const isPlain = !hasCr && length <= roomy && onEvent !== undefined
    try {
      while (line < length) {
        // Most chunks are of such lines only. This is a short cut for them: without it, the rest would do the same.
        if (isPlain && !hasBlock) {
          while (line < length) {
            lf = chunk.indexOf('\n', line)
            if (lf === -1) {
              lf = length
              break
            }
            const first = chunk.charCodeAt(line)
            if (
              first === Char.D &&
              chunk.charCodeAt(line + 1) === Char.A &&
              chunk.charCodeAt(line + 2) === Char.T &&
              chunk.charCodeAt(line + 3) === Char.A &&
              chunk.charCodeAt(line + 4) === Char.COLON
            ) {
              const value = chunk.slice(chunk.charCodeAt(line + 5) === Char.SPACE ? line + 6 : line + 5, lf)
              data = data === undefined ? value : `${data}\n${value}`
              if (chunk.charCodeAt(lf + 1) === Char.LF) {
                line = lf + 2
                if (id !== undefined) {
                  lastEventId = id
                  onId?.(id)
                }
                onEvent!(isDropIn ? { id, event, data } : { event, id, data, lastEventId })
                if (streams !== stream) return
                data = event = id = undefined
                units = 0
                continue
              }
              units = isDropIn ? data.length : units + lf - line
            } else if (
              first === Char.E &&
              event === undefined &&
              chunk.charCodeAt(line + 1) === Char.V &&
              chunk.charCodeAt(line + 2) === Char.E &&
              chunk.charCodeAt(line + 3) === Char.N &&
              chunk.charCodeAt(line + 4) === Char.T &&
              chunk.charCodeAt(line + 5) === Char.COLON
            ) {
              const value = chunk.slice(chunk.charCodeAt(line + 6) === Char.SPACE ? line + 7 : line + 6, lf)
              event = isDropIn || value.length !== 7 || value !== 'message' ? value || undefined : undefined
              if (!isDropIn) units += lf - line
            } else break
            line = lf + 1
          }
          if (line === length) break
        }
        const first = chunk.charCodeAt(line)
        if (first === Char.LF || first === Char.CR) line = afterLineEnd(chunk, line)
        else {
          if (lf < line && (lf = chunk.indexOf('\n', line)) === -1) lf = length
          if (cr < line && (cr = chunk.indexOf('\r', line)) === -1) cr = length
          const end = lf < cr ? lf : cr
          if (end === length) break
          const next = end === cr && lf === end + 1 ? end + 2 : end + 1
          const isData = first === Char.D && isDataName(chunk, line) && endsName(chunk, line + 4, end)
          if (
            isData ||
            (first === Char.E && isEventName(chunk, line) && endsName(chunk, line + 5, end)) ||
            (first === Char.I && isIdName(chunk, line) && endsName(chunk, line + 2, end))
          ) {
            const value = chunk.slice(valueStart(chunk, line + (isData ? 4 : first === Char.E ? 5 : 2), end), end)
            const isFirst = data === undefined && !hasData
            const size = !isDropIn ? end - line : !isData ? 0 : isFirst ? value.length : value.length + 1
            // Most events end with a data line.
            const isLast = isData && !hasCr && chunk.charCodeAt(next) === Char.LF
            if (units + size > room) {
              if (!isDropIn) {
                keep(data, event, id, units)
                data = undefined
                const bytes = bytesOf(chunk.slice(line, end))
                if (!fits(bytes)) return overflow()
                room = -1
                if (first !== Char.I || !value.includes('\0')) extra += bytes - size
              } else if (!isFirst || !isLast) {
                // One data line with its blank line is never kept by eventsource-parser, and so does not count.
                return overflow()
              }
            }
            if (isData) {
              data = data === undefined ? value : `${data}\n${value}`
              units += size
            } else if (first === Char.E) {
              replace(event)
              event = isDropIn || value !== 'message' ? value || undefined : undefined
              units += size
            } else if (!value.includes('\0')) {
              replace(id)
              id = value
              units += size
            }
            line = next
            if (!isLast) continue
            line++
          } else {
            if (first === Char.COLON ? comment : retry || unknown) {
              keep(data, event, id, units)
              data = undefined
              if (isDropIn || units + end - line <= room || fits(bytesOf(chunk.slice(line, end)))) {
                const begin = line
                line = next
                if (first === Char.COLON) comment!(chunk.slice(valueStart(chunk, begin, end), end))
                else other(chunk.slice(begin, end))
                if (streams !== stream) return
                // It may have begun another stream with the next line.
                event = keptEvent
                id = keptId
                units = keptUnits
              }
              room = isCounted ? -1 : roomy
            }
            line = next
            continue
          }
        }
        if (hasBlock) {
          data = takeBlock(data)
          room = roomy
        }
        if (id !== undefined) {
          // The last event ID comes first (SPEC 12).
          lastEventId = id
          onId?.(id)
        }
        // Without data there is no event (SPEC 12).
        if (data !== undefined || id !== undefined) block?.(id, event, data)
        if (data !== undefined) onEvent?.(isDropIn ? { id, event, data } : { event, id, data, lastEventId })
        if (streams !== stream) return
        data = event = id = undefined
        units = 0
      }
    } catch (error) {
      if (streams === stream) rest = chunk.slice(line)
      hasRest = true
      throw error
    }
    if (hasBlock || data !== undefined || event !== undefined || id !== undefined || units > 0) keep(data, event, id, units)
    if (line < length) hold(chunk.slice(line))
  }

  function other(line: string): void {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(valueStart(line, colon, line.length))
    // Digits alone are a time (SPEC 11).
    if (name === 'retry' && /^[0-9]+$/.test(value)) retry?.(Number(value))
    else unknown?.(name, value, line)
  }

  /** Keeps what the block has, beyond the chunk or while a callback is called. */
  function keep(data: string | undefined, event: string | undefined, id: string | undefined, units: number): void {
    if (data !== undefined) {
      kept.add(hasData ? `\n${data}` : data)
      hasData = true
    }
    keptEvent = event
    keptId = id
    keptUnits = units
    if (data !== undefined || event !== undefined || id !== undefined || units > 0) hasBlock = true
  }

  /** Ends the block that was kept, and returns all its data: what was kept, and what came last. */
  function takeBlock(data?: string): string | undefined {
    if (hasData) {
      const first = kept.take()
      data = data === undefined ? first : `${first}\n${data}`
    }
    hasBlock = hasData = isCounted = false
    keptEvent = keptId = undefined
    keptUnits = extra = 0
    return data
  }

  /** Keeps a piece of a line whose end has not come, unless it can't be a field. */
  function hold(piece: string): void {
    const { length } = held
    if (length < NAME && (length > 0 || !piece.startsWith('data:'))) {
      const head = held + piece.slice(0, NAME)
      if (!fields.some(field => field.startsWith(head) || head.startsWith(field))) return skip()
    }
    held.add(piece)
    hasCarry = true
    if (keptUnits + held.length > roomy) {
      if (isDropIn) return overflow()
      // The halves of a pair count three each while they are apart.
      if (heldBytes === 0) heldBytes = bytesOf(held.toString())
      else heldBytes += bytesOf(piece) - (isPair(lastUnit, piece.charCodeAt(0)) ? 2 : 0)
      if (!fits(heldBytes)) {
        const [, isKept, isOther] = /^(?:((?:data|event|id):)|(:|retry:))/.exec(held.toString()) ?? []
        if (isKept) return overflow()
        if (isOther) return skip()
      }
    }
    lastUnit = piece.charCodeAt(piece.length - 1)
  }

  function skip(): void {
    held.take()
    heldBytes = 0
    isSkipping = hasCarry = true
  }

  /** Whether the block that was kept has room for so many more bytes. */
  function fits(bytes: number): boolean {
    if (!isCounted) {
      isCounted = hasBlock = true
      extra += extraOf(kept.toString()) + extraOf(keptEvent) + extraOf(keptId)
    }
    return keptUnits + extra + bytes <= most
  }

  /** Notes that a line has taken the place of one with this value, which still counts. */
  function replace(value: string | undefined): void {
    if (value === undefined) return
    if (!isDropIn && !isCounted) extra += extraOf(value)
    hasBlock = true
  }

  function overflow(): void {
    clear()
    isAfterCr = false
    hasFailed = hasRest = true
  }

  /** Forgets the block and the line under way. */
  function clear(): void {
    held.take()
    heldBytes = 0
    isSkipping = hasFailed = false
    takeBlock()
  }

  return {
    feed,
    add,
    end(block) {
      feed('')
      const isInLine = isSkipping || held.length > 0
      // A CR is a line end of its own after every other.
      if (isInLine) feed('\r')
      if (block) feed('\r')
    },
    reset(goesOn = false) {
      clear()
      if (goesOn) return
      streams++
      rest = ''
      hasCarry = isAfterCr = hasRest = false
      waiting = []
    },
    isBusy: () => isBusy,
    lastEventId: () => lastEventId,
  }
}

/** Where the line after the line end at this place begins. */
function afterLineEnd(text: string, at: number): number {
  return text.charCodeAt(at) === Char.CR && text.charCodeAt(at + 1) === Char.LF ? at + 2 : at + 1
}

// To compare units is cheaper than `startsWith`.

function isDataName(text: string, line: number): boolean {
  return text.charCodeAt(line + 1) === Char.A && text.charCodeAt(line + 2) === Char.T && text.charCodeAt(line + 3) === Char.A
}

function isEventName(text: string, line: number): boolean {
  return (
    text.charCodeAt(line + 1) === Char.V && text.charCodeAt(line + 2) === Char.E && text.charCodeAt(line + 3) === Char.N && text.charCodeAt(line + 4) === Char.T
  )
}

function isIdName(text: string, line: number): boolean {
  return text.charCodeAt(line + 1) === Char.D
}

/** Whether a field's name ends here: at a colon, or with its line, whose value is empty then (SPEC 6). */
function endsName(text: string, at: number, end: number): boolean {
  return text.charCodeAt(at) === Char.COLON || at === end
}

/** Where the value after a colon begins: one space does not belong to it (SPEC 5). */
function valueStart(text: string, colon: number, end: number): number {
  if (colon === end) return end
  return text.charCodeAt(colon + 1) === Char.SPACE ? colon + 2 : colon + 1
}
