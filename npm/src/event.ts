import { NativeEncoder } from '../native.cjs'
import { named, refuseUnknown, SsecastError } from './error.js'

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
  /** A string goes as it is, bytes as UTF-8, anything else as JSON. */
  data?: unknown
}

const FIELDS = ['event', 'id', 'retry', 'comment']
const WHOLE = ['data', ...FIELDS]

/** Refuses what has unknown fields. A loop over the names costs a tenth of an array of them. */
export function checkFields(event: object, known: readonly string[] = FIELDS): void {
  if (typeof event !== 'object' || event === null) {
    throw new SsecastError('SSECAST_INVALID_OPTION', 'event', `must be an object of an event's fields, not ${String(event)}`)
  }
  for (const name in event) if (!known.includes(name)) refuseUnknown(event, known)
}

/** What the addon takes for an event after its data: which of the fields there are, as bits, and the fields. */
export type Fields = [given: number, event?: unknown, id?: unknown, retry?: unknown, comment?: unknown]

/** Which fields there are. */
export function given(event: unknown, id: unknown, retry: unknown, comment: unknown): number {
  return (event == null ? 0 : 1) + (id == null ? 0 : 2) + (retry == null ? 0 : 4) + (comment == null ? 0 : 8)
}

/** The arguments that the addon takes for an event that may go without data. */
export function whole({ data, ...fields }: EventInit): [data: string | Uint8Array | undefined, ...Fields] {
  checkFields(fields)
  const { event, id, retry, comment } = fields
  return [data === undefined ? undefined : serialise(data), given(event, id, retry, comment), event, id, retry, comment]
}

/** What the addon takes for data. */
export function serialise(data: unknown): string | Uint8Array {
  if (typeof data === 'string' || data instanceof Uint8Array) return data
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch (cause) {
    const problem = `can't be serialised: ${cause instanceof Error ? cause.message : cause}`
    throw new SsecastError('SSECAST_INVALID_DATA', 'data', problem, { cause })
  }
  if (text !== undefined) return text
  throw new SsecastError('SSECAST_INVALID_DATA', 'data', `can't be serialised: JSON has no ${typeof data}`)
}

/** Events are encoded into parts of this, as Node does for its small Buffers: to make memory for each costs more. */
const SLAB_BYTES = 16 << 10
let slab: Buffer
let used = SLAB_BYTES
let encoder: NativeEncoder | undefined
let encodeNative: ReturnType<NativeEncoder['encoder']>

function takeSlab(): void {
  slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  used = 0
  if (encoder) return encoder.useSlab(slab)
  encoder = new NativeEncoder(slab)
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
    const length = encodeNative(used, text, given(event, id, retry, comment), event, id, retry, comment)
    if (typeof length !== 'number') return length
    const start = used
    used += length
    return slab.subarray(start, used)
  } catch (error) {
    throw named(error)
  }
}
