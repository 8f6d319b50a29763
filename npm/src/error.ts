import { described, isPlain } from './value.js'

/** The stable codes of ssecast's errors, the same in every language. */
export type ErrorCode =
  | 'SSECAST_INVALID_EVENT'
  | 'SSECAST_INVALID_ID'
  | 'SSECAST_INVALID_RETRY'
  | 'SSECAST_INVALID_DATA'
  | 'SSECAST_INVALID_TOPIC'
  | 'SSECAST_INVALID_OPTION'
  | 'SSECAST_EVENT_TOO_LARGE'
  | 'SSECAST_TOO_MANY_TOPICS'
  | 'SSECAST_TOO_MANY_CONNECTIONS'
  | 'SSECAST_CLOSED'
  | 'SSECAST_INTERNAL'
  | 'SSECAST_INVALID_SOCKET'
  | 'SSECAST_ATTACHED'
  | 'SSECAST_TOO_MANY_DESCRIPTORS'
  | 'SSECAST_BACKLOG_FULL'
  | 'SSECAST_STORE_UNAVAILABLE'
  | 'SSECAST_STORE_TIMED_OUT'
  | 'SSECAST_STORE_FULL'
  | 'SSECAST_STORE_FORMAT'
  | 'SSECAST_TOPIC_ENDED'

/** An error of ssecast: `code` says what went wrong, `field` what it is about, the message how to mend it. */
export class SsecastError extends Error {
  readonly code: ErrorCode
  readonly field: string

  constructor(code: ErrorCode, field: string, problem: string, options?: ErrorOptions) {
    super(`${field} ${problem}`, options)
    this.name = 'SsecastError'
    this.code = code
    this.field = field
  }
}

/** The error of an option's value. */
export function invalidOption(option: string, problem: string): SsecastError {
  return new SsecastError('SSECAST_INVALID_OPTION', option, problem)
}

/** Throws unless `options` is an object with options. A promise or a Map is none. */
export function checkObject(options: unknown, name: string, example: string): asserts options is object {
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options)
  if (isObject && (isPlain(options) || Object.keys(options).length > 0)) return
  throw new SsecastError('SSECAST_INVALID_OPTION', name, `must be an object such as ${example}, not ${described(options)}`)
}

/** Throws unless `options` is an object of known options: an unknown one is a typing mistake. The message shows `example`. */
export function refuseUnknown(options: unknown, known: readonly string[], name = 'options', example = `{ ${known[0]}: … }`): void {
  checkObject(options, name, example)
  const unknown = Object.keys(options).find(key => !known.includes(key))
  if (unknown !== undefined) {
    const field = name.startsWith('cors') ? `${name}.${unknown}` : unknown
    throw new SsecastError('SSECAST_INVALID_OPTION', field, `is unknown; known are ${known.join(', ')}`)
  }
}

/** Calls the addon. */
export function native<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw named(error)
  }
}

/** Turns an error of the addon, which has a code and a message that begins with the field, into a {@link SsecastError}. */
export function named(error: unknown): unknown {
  if (error instanceof SsecastError) return error
  const { code, message } = error as { code?: unknown; message: string }
  if (typeof code !== 'string' || !code.startsWith('SSECAST_')) return error
  const field = message.slice(0, message.indexOf(' '))
  return new SsecastError(code as ErrorCode, field, message.slice(field.length + 1))
}
