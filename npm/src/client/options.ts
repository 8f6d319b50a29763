import { type ErrorCode, SsecastError } from '../error.js'

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

/** Whether a value is good, and what it must be. */
type Check = readonly [isGood: (value: any) => unknown, expected: string]

const typed = (type: string, expected = `a ${type}`): Check => [value => typeof value === type, expected]
const between = (least: number, most: number): Check => [value => typeof value === 'number' && value >= least && value <= most, `a number from ${least} to ${most}`]
const time = between(0, Number.MAX_SAFE_INTEGER)

const CHECKS: Record<keyof EventSourceOptions, Check> = {
  withCredentials: [() => true, ''],
  headers: [isHeaders, 'headers, or a function that returns them'],
  method: [value => /^(?!(connect|trace|track)$)[\w!#$%&'*+.^`|~-]+$/i.test(value) && typeof value === 'string', 'an HTTP method'],
  body: [value => typeof value === 'string' || (typeof value === 'object' && !value.getReader), 'a string, bytes or a form'],
  fetch: typed('function'),
  signal: [value => value instanceof AbortSignal, 'an AbortSignal'],
  retry: [value => typeof value === 'object' && !Array.isArray(value), 'an object'],
  idleMs: between(1, Number.MAX_SAFE_INTEGER),
  maxEventBytes: between(1, Infinity),
  lastEventId: typed('string'),
  shared: typed('boolean'),
}

const RETRY: Record<keyof RetryOptions, Check> = {
  first: time,
  longest: time,
  growth: between(1, 1000),
  jitter: between(0, 1),
  statuses: [value => Array.isArray(value) && value.every(status => status > 200 && status < 600), 'statuses but 200'],
}

/** Refuses what can't work, naming the option. */
export function settingsOf(url: URL, options: unknown = {}): Settings {
  options ??= {}
  if (typeof options !== 'object') invalid('options', 'an object')
  const given = check(CHECKS, options as EventSourceOptions, '')
  const { method = 'GET', body, lastEventId = '', shared } = given
  if (body !== undefined && /^(get|head)$/i.test(method)) invalid('body', `left out, or sent with { method: 'POST' }`)
  if (shared && body !== undefined && typeof body !== 'string') invalid('body', 'a string where the source is shared')
  if (/[\0\r\n]/.test(lastEventId)) invalid('lastEventId', 'free of NUL, CR and LF', 'SSECAST_INVALID_ID')
  const retry = { first: 2000, longest: 30_000, growth: 2, jitter: 0.5, statuses: [], ...check(RETRY, given.retry ?? {}, 'retry.') }
  return { maxEventBytes: 16 << 20, ...given, url, method, retry, lastEventId, withCredentials: !!given.withCredentials, once: false }
}

/** What was given, without what is left out. */
function check<Options extends object>(checks: Record<keyof Options, Check>, options: Options, prefix: string): Options {
  const given: Partial<Options> = {}
  for (const name in options) {
    const value = options[name]
    if (!Object.hasOwn(checks, name)) invalid(prefix + name, `one of ${Object.keys(checks)}`)
    if (value === undefined || (value === null && name === 'body')) continue
    const [isGood, expected] = checks[name]
    if (value === null || !isGood(value)) invalid(prefix + name, expected)
    given[name] = value
  }
  return given as Options
}

function isHeaders(value: unknown): unknown {
  try {
    return typeof value === 'function' || (typeof value === 'object' && new Headers(value as HeadersInit))
  } catch {
    return false
  }
}

function invalid(option: string, expected: string, code: ErrorCode = 'SSECAST_INVALID_OPTION'): never {
  throw new SsecastError(code, option, `must be ${expected}`)
}
