import { types } from 'node:util'
import { SsecastError } from './error.js'
import { described, isPlain, isPromise } from './value.js'

/** Data as the addon takes it: a string as it is, bytes as UTF-8, anything else as JSON. */
export function serialise(data: unknown): string | Uint8Array {
  if (typeof data === 'string') return data
  // Most data is a plain object or an array. To ask Node's `types` about it would cost as much as its JSON.
  const isObject = typeof data === 'object' && data !== null && !isPromise(data)
  const isCommon = isObject && (Array.isArray(data) || Object.getPrototypeOf(data) === Object.prototype)
  if (!isCommon) {
    if (typeof data === 'object' && data !== null) {
      const bytes = bytesOf(data)
      if (bytes !== undefined) return bytes
    }
    const hint = hintOf(data)
    if (hint !== undefined) throw refusal(`must not be ${described(data)}: ${hint}`)
  }
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch (cause) {
    throw refusal(`can't be serialised: ${cause instanceof Error ? cause.message : cause}`, cause)
  }
  if (text === undefined) throw refusal(`can't be serialised: JSON has no ${typeof data}`)
  if (text === '{}' && !isCommon && typeof data === 'object' && data !== null && !isPlain(data) && !hasJson(data)) {
    throw refusal(`must not be ${described(data)}, of which JSON keeps nothing: write a string, or an object with what is to be sent`)
  }
  return text
}

/** The bytes of a buffer or a view, of any realm. */
export function bytesOf(data: object): Uint8Array | undefined {
  if (types.isUint8Array(data)) return data
  if (types.isAnyArrayBuffer(data)) return new Uint8Array(data)
  if (!ArrayBuffer.isView(data)) return undefined
  if (types.isUint8ClampedArray(data) || types.isInt8Array(data) || types.isDataView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  }
  throw refusal(`must not be ${described(data)}: write Array.from(…) for its numbers, or a Uint8Array for bytes of UTF-8`)
}

/** Says what to write instead of a value that JSON would lose. */
function hintOf(data: unknown): string | undefined {
  if (data === undefined) return 'write what is to be sent, or null'
  if (typeof data === 'number' && !Number.isFinite(data)) return 'JSON has no such number; write null, or a string'
  if (typeof data === 'bigint') return 'JSON has no bigint; write String(…)'
  if (typeof data === 'function') return 'JSON has no function; call it, and give what it returns'
  if (typeof data !== 'object' || data === null || hasJson(data)) return undefined
  if (isPromise(data)) return 'await it'
  if (types.isMap(data)) return 'write Object.fromEntries(…), or an array of its entries'
  if (types.isSet(data)) return 'write an array of its values'
  if (types.isNativeError(data)) return 'write its message, or what a client may know of it'
  return undefined
}

function hasJson(data: object): boolean {
  return typeof (data as { toJSON?: unknown }).toJSON === 'function'
}

function refusal(problem: string, cause?: unknown): SsecastError {
  return new SsecastError('SSECAST_INVALID_DATA', 'data', problem, cause === undefined ? undefined : { cause })
}
