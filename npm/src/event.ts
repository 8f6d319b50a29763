import type { encoder } from '../native.cjs'
import { addon } from './addon.js'
import { serialise } from './data.js'
import { named, refuseUnknown } from './error.js'

/** The fields of an event besides its data. */
export interface EventFields {
  /** The event type; `message` without one. Neither CR, LF nor NUL. */
  event?: string | null | undefined
  /** The event id. Neither CR, LF nor NUL. A published event without one gets `<epoch>-<sequence>`. */
  id?: string | number | null | undefined
  /** The client's new reconnection time in whole milliseconds. */
  retry?: number | null | undefined
  /** A comment, which clients ignore. */
  comment?: string | null | undefined
}

/** An event, whole. */
export interface EventInit extends EventFields {
  /** A string goes as it is, bytes as UTF-8, anything else as JSON. What JSON would lose is refused. */
  data?: unknown
}

const FIELDS = ['event', 'id', 'retry', 'comment']
const WHOLE = ['data', ...FIELDS]

/** Throws for an unknown field. The loop over the names costs a tenth of what `Object.keys` does. */
export function checkFields(event: object, known: readonly string[] = FIELDS): void {
  let isKnown = false
  if (typeof event === 'object') {
    for (const name in event) {
      isKnown = known.includes(name)
      if (!isKnown) break
    }
  }
  // Without a known field, it may be something else than an object of fields.
  if (isKnown) return
  if (known === FIELDS) refuseUnknown(event, known, 'fields', "{ event: 'tick' }")
  else refuseUnknown(event, known, 'event', "{ event: 'tick', data: 1 }")
}

/** The addon's arguments for an event after its data: bits that say which fields are there, and the fields. */
export type Fields = [given: number, event?: unknown, id?: unknown, retry?: unknown, comment?: unknown]

/** Which fields there are. */
export function given(event: unknown, id: unknown, retry: unknown, comment: unknown): number {
  return (event == null ? 0 : 1) + (id == null ? 0 : 2) + (retry == null ? 0 : 4) + (comment == null ? 0 : 8)
}

/** The arguments that the addon takes for an event that may go without data. */
export function whole(init: EventInit): [data: string | Uint8Array | undefined, ...Fields] {
  checkFields(init, WHOLE)
  const { data, event, id, retry, comment } = init
  return [data === undefined ? undefined : serialise(data), given(event, id, retry, comment), event, id, retry, comment]
}

const LINE_END = /[\r\n]/
const FORGES = /[\0\r\n]/
let encodeNative: ReturnType<typeof encoder> | undefined

/**
 * Encodes one event as the bytes of an event stream.
 *
 * @throws {SsecastError} for a field that the protocol doesn't allow; nothing is returned then.
 * @example
 * encode({ event: 'tick', data: { now: 1 } }) // event: tick\ndata: {"now":1}\n\n
 */
export function encode(init: EventInit): Uint8Array {
  checkFields(init, WHOLE)
  const { data, event, id, retry, comment } = init
  const text = typeof data === 'string' || data === undefined ? data : serialise(data)
  // Most events have data of one line and perhaps a type and an id. For those a call of the addon costs more than the bytes
  // do. JSON has no line ends.
  const isPlain = retry == null && comment == null && typeof text === 'string' && !(typeof data === 'string' && LINE_END.test(data))
  if (isPlain && (event == null || isLine(event)) && (id == null || isLine(id) || Number.isSafeInteger(id))) {
    return Buffer.from(`${id == null ? '' : `id: ${id}\n`}${event == null ? '' : `event: ${event}\n`}data: ${text}\n\n`)
  }
  try {
    encodeNative ??= addon().encoder()
    return encodeNative(text, given(event, id, retry, comment), event, id, retry, comment)
  } catch (error) {
    throw named(error)
  }
}

function isLine(value: unknown): boolean {
  return typeof value === 'string' && !FORGES.test(value)
}
