import { SsecastError } from '../error.js'

/** Headers as `fetch` takes them. */
export type HeadersLike = Headers | Record<string, string> | Iterable<readonly [string, string]>

/** How long a source waits before it connects again, and after which answers it does. Times are milliseconds. */
export interface RetryOptions {
  /** The wait while the stream has set no reconnection time. Default 2,000. No wait is shorter than 100. */
  first?: number | undefined
  /** What waits grow to; a longer reconnection time of the stream's still holds. Default 30,000. */
  longest?: number | undefined
  /** By how much each wait is longer than the one before, until an event comes: from 1 to 1,000. Default 2. */
  growth?: number | undefined
  /** The part of a wait by which it may be longer at random, so that clients spread: from 0 to 1. Default 0.5. */
  jitter?: number | undefined
  /** The statuses after which the source tries again, and honours `Retry-After`. None by default, as the standard has it. */
  statuses?: readonly number[] | undefined
}

/** What `EventSource` takes: the standard's `withCredentials`, and more. */
export interface EventSourceOptions {
  /** Whether cookies go to other origins. Default false. */
  withCredentials?: boolean | undefined
  /** Headers of each request; a function is asked anew for every connection, so that a token may change. */
  headers?: HeadersLike | (() => HeadersLike | Promise<HeadersLike>) | undefined
  /** The method. Default `GET`. */
  method?: string | undefined
  /** What each request sends. It needs a method such as `POST`, and can't be a stream, which can be sent only once. */
  body?: string | ArrayBuffer | ArrayBufferView | Blob | FormData | URLSearchParams | null | undefined
  /** What sends the requests. Default: the global `fetch` at that time. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined
  /** Closes the source when it is aborted. */
  signal?: AbortSignal | undefined
  retry?: RetryOptions | undefined
  /** The silence in milliseconds, comments included, after which a connection is dead and made again. Default: none. */
  idleMs?: number | undefined
  /** The most bytes of one event. Default 16 MiB; `Infinity` for no limit. */
  maxEventBytes?: number | undefined
  /** The last event ID to begin with. */
  lastEventId?: string | undefined
  /** Whether the tabs of this origin have one connection between them. Where that is impossible each has its own. Default false. */
  shared?: boolean | undefined
}

/** The options, checked and whole. */
export interface Settings extends EventSourceOptions {
  url: URL
  retry: { first: number; longest: number; growth: number; jitter: number; statuses: readonly number[] }
  maxEventBytes: number
  lastEventId: string
  /** Whether the stream can't be had again. */
  once: boolean
}

type Check = [isGood: (value: any) => boolean, problem: string]

const isFunction = (value: unknown) => typeof value === 'function'
const isBoolean = (value: unknown) => typeof value === 'boolean'
const isFrom = (least: number, most: number) => (value: unknown) => typeof value === 'number' && value >= least && value <= most
const isTime: Check = [isFrom(0, Number.MAX_VALUE), 'must be a number of milliseconds']
const isStatus = (value: unknown) => Number.isInteger(value) && isFrom(201, 599)(value)

const CHECKS: Record<keyof EventSourceOptions, Check> = {
  withCredentials: [() => true, ''],
  headers: [isHeaders, 'must be names and values that HTTP can carry, or a function that returns them'],
  method: [
    value => typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value) && !/^(connect|trace|track)$/i.test(value),
    'must be an HTTP method, such as GET or POST',
  ],
  body: [value => typeof value === 'string' || (typeof value === 'object' && !('getReader' in value)), 'must be a string, bytes or a form: a stream can be sent only once'],
  fetch: [isFunction, 'must be a function'],
  signal: [value => value instanceof AbortSignal, 'must be an AbortSignal'],
  retry: [value => typeof value === 'object' && !Array.isArray(value), 'must be an object such as { first: 1000 }'],
  idleMs: [isFrom(Number.MIN_VALUE, Number.MAX_VALUE), 'must be a number of milliseconds above zero; leave it out to wait for ever'],
  maxEventBytes: [value => value === Infinity || (Number.isSafeInteger(value) && value > 0), 'must be a whole number of bytes, at least 1, or Infinity'],
  lastEventId: [value => typeof value === 'string', 'must be a string'],
  shared: [isBoolean, 'must be true or false'],
}

const RETRY: Record<keyof RetryOptions, Check> = {
  first: isTime,
  longest: isTime,
  growth: [isFrom(1, 1000), 'must be a number from 1 to 1000'],
  jitter: [isFrom(0, 1), 'must be a number from 0 to 1'],
  statuses: [value => Array.isArray(value) && value.every(isStatus), 'must be an array of statuses other than 200, from 201 to 599'],
}

/** Refuses what can't work, naming the option. */
export function settingsOf(url: URL, options: unknown = {}): Settings {
  options ??= {}
  if (typeof options !== 'object' && typeof options !== 'function') invalid('options', 'must be an object such as { withCredentials: true }')
  const given = check(CHECKS, options as EventSourceOptions, '')
  const { method = 'GET', body, lastEventId = '', maxEventBytes = 16 << 20 } = given
  if (body !== undefined && /^(get|head)$/i.test(method)) invalid('body', `can't be sent with ${method}: write { method: 'POST' }`)
  if (/[\0\r\n]/.test(lastEventId)) {
    throw new SsecastError('SSECAST_INVALID_ID', 'lastEventId', 'must not contain NUL, CR or LF: no header can carry them')
  }
  if (given.shared && body !== undefined && typeof body !== 'string') invalid('body', 'must be a string where the source is shared')
  const retry = { first: 2000, longest: 30_000, growth: 2, jitter: 0.5, statuses: [], ...check(RETRY, given.retry ?? {}, 'retry.') }
  return { ...given, url, method, retry, lastEventId, maxEventBytes, withCredentials: Boolean(given.withCredentials), once: false }
}

/** What was given, without what is left out. */
function check<Options extends object>(checks: Record<keyof Options, Check>, options: Options, prefix: string): Options {
  const given: Partial<Options> = {}
  for (const name in options) {
    const value = options[name]
    if (!Object.hasOwn(checks, name)) invalid(prefix + name, `is unknown; known are ${Object.keys(checks).join(', ')}`)
    const [isGood, problem] = checks[name]
    if (value === undefined || (value === null && name === 'body')) continue
    if (value === null || !isGood(value)) invalid(prefix + name, problem)
    given[name] = value
  }
  return given as Options
}

function isHeaders(value: unknown): boolean {
  if (isFunction(value)) return true
  try {
    return typeof value === 'object' && new Headers(value as HeadersInit) instanceof Headers
  } catch {
    return false
  }
}

function invalid(option: string, problem: string): never {
  throw new SsecastError('SSECAST_INVALID_OPTION', option, problem)
}
