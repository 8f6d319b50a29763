import type { NativeEncoder } from '../native.cjs'
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

/** Events are encoded into parts of a slab, as Node does for small Buffers: an allocation for each would cost more. */
const SLAB_BYTES = 16 << 10
let slab: Buffer
let used = SLAB_BYTES
let encoder: NativeEncoder | undefined
let encodeNative: ReturnType<NativeEncoder['encoder']>

function takeSlab(): void {
  slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  used = 0
  if (encoder) return encoder.useSlab(slab)
  encoder = new (addon().NativeEncoder)(slab)
  encodeNative = encoder.encoder()
}

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
  if (used > SLAB_BYTES / 2) takeSlab()
  try {
    const which = given(event, id, retry, comment)
    // Each argument costs, also one that is undefined.
    const length = which === 0 ? encodeNative(used, text) : encodeNative(used, text, which, event, id, retry, comment)
    if (typeof length !== 'number') return length
    const start = used
    used += length
    return slab.subarray(start, used)
  } catch (error) {
    throw named(error)
  }
}
