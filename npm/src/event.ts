import { encode as encodeNative } from '../native.cjs'
import { native, refuseUnknown, SsecastError } from './error.js'

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

/** What the addon takes: data is a string or bytes by now. */
export function fields(data: unknown, event: EventFields = {}) {
  refuseUnknown(event, FIELDS)
  return { ...event, data: serialise(data) }
}

/** The same for an event that may go without data. */
export function whole({ data, ...event }: EventInit) {
  if (data !== undefined) return fields(data, event)
  refuseUnknown(event, FIELDS)
  return event
}

function serialise(data: unknown): string | Uint8Array {
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

/**
 * Encodes one event as the bytes of an event stream.
 *
 * @throws {SsecastError} for a field that the protocol doesn't allow; nothing is returned then.
 * @example
 * encode({ event: 'tick', data: { now: 1 } }) // event: tick\ndata: {"now":1}\n\n
 */
export function encode(event: EventInit): Uint8Array {
  return native(() => encodeNative(whole(event)))
}
