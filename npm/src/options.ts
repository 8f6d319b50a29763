import { validateHeaderName, validateHeaderValue } from 'node:http'
import { addon } from './addon.js'
import { Cors, type CorsDecision, type CorsOption, type CorsOrigins, plainCors } from './cors.js'
import { native, refuseUnknown, SsecastError } from './error.js'
import { described, isPlain, isPromise } from './value.js'
import { createHub, Hub, isHub } from './hub.js'
import type { Session } from './session.js'

/** Header names and values: an object, `Headers`, a `Map`, or a list of pairs. */
export type HeaderFields =
  | Record<string, string | number | readonly string[]>
  | Iterable<readonly [string, string | number | readonly string[]]>

/** How a middleware opens streams. Its functions get the request, or Koa's context; each may be async. */
export interface MiddlewareOptions<Context = any> {
  /** The topics of a stream. With it the middleware takes the response over; without, it calls the next one. */
  topics?: readonly string[] | ((context: Context) => readonly string[] | Promise<readonly string[]>)
  /** Whether the client may have the stream; false answers 403. */
  authorize?: (context: Context) => boolean | Promise<boolean>
  /**
   * More headers for the response. What makes it a stream stays: its type, its framing, and that nothing stores or
   * transforms it; a stricter `Cache-Control` is kept.
   */
  headers?: HeaderFields | ((context: Context) => HeaderFields | Promise<HeaderFields>)
  /**
   * Lets pages of other origins read the stream: all, one, some, those that a function allows, or with cookies.
   * Preflights are answered, and refusals can be read, too.
   */
  cors?: CorsOption<CorsOrigins | CorsDecision>
  /** The last event ID, if not from the header `Last-Event-ID`. Of several, as a query may have them, the first counts. */
  lastEventId?: (context: Context) => LastEventId | Promise<LastEventId>
  /**
   * The methods of requests that get a stream; others are left to the next middleware. By default GET, and any method
   * that a route of Express is for; without `topics` all but OPTIONS. With GET comes HEAD, which gets the head alone.
   */
  methods?: readonly string[]
  /**
   * Gives Node's socket up once an engine thread has the connection, so that an idle stream costs a kilobyte instead
   * of twenty. The connection ends with the stream, and `server.close()` no longer waits for it: use `hub.close()`.
   */
  release?: boolean
  /** Called with each new session. What it throws or rejects with ends the stream. */
  onConnect?: (session: Session) => unknown
}

type LastEventId = string | readonly string[] | null | undefined

/** The options, checked. */
export interface Checked {
  topics: readonly string[] | ((context: unknown) => unknown) | undefined
  authorize: ((context: unknown) => unknown) | undefined
  headers: Headers | ((context: unknown) => unknown)
  cors: Cors | undefined
  lastEventId: ((context: unknown) => unknown) | undefined
  methods: readonly string[] | undefined
  release: boolean
  onConnect: ((session: Session) => unknown) | undefined
}

/** Header names and values as `setHeader` takes them. */
export type Headers = readonly (readonly [string, string | string[]])[]

const KNOWN = ['topics', 'authorize', 'headers', 'cors', 'lastEventId', 'methods', 'release', 'onConnect']

/** What a stream's response has anyway: no other value would do. */
const OWN: Record<string, (value: string) => boolean> = {
  'content-type': value => /^text\/event-stream\b/i.test(value),
  'content-length': () => false,
  'content-encoding': () => false,
  'transfer-encoding': value => value.toLowerCase() === 'chunked',
  'x-accel-buffering': value => value.toLowerCase() === 'no'
}

/** Reads what `sseMiddleware` was called with. */
export function parse(given: ArrayLike<unknown>): { hub: Hub; options: Checked } {
  const [first, second] = Array.from(given)
  if (first instanceof Hub) return { hub: first, options: checked(second === undefined ? {} : second) }
  if (given.length === 0 || (isOptions(first) && second === undefined)) {
    return { hub: createHub(), options: checked(first ?? {}) }
  }
  throw missingHub(first, second)
}

function isOptions(value: unknown): boolean {
  return typeof value === 'object' && value !== null && isPlain(value) && !('hub' in value) && !isHub(value)
}

function missingHub(first: unknown, second: unknown): SsecastError {
  const refuse = (problem: string) => new SsecastError('SSECAST_INVALID_OPTION', 'hub', problem)
  const should = 'must be what createHub() returned'
  if (second instanceof Hub) return refuse('comes first: write sseMiddleware(hub, options)')
  if (isHub(first)) {
    return refuse('is of another copy of ssecast (or a copy of a hub): both must come from the same import of the same installed version')
  }
  if (typeof first === 'object' && first !== null && 'hub' in first) {
    return refuse('is no option, but the first argument: write sseMiddleware(hub, options)')
  }
  if (isPromise(first)) return refuse(`${should}, not a promise: await it first`)
  if (first === Hub || first === createHub) return refuse(`${should}, not ${described(first)}: write createHub()`)
  if (typeof first === 'object' && first !== null && 'httpVersion' in first) {
    return refuse(`${should}, not a request: sseMiddleware makes the middleware, so write app.get(path, sseMiddleware(hub, options))`)
  }
  return refuse(`${should}, not ${described(first)}; for a middleware with a hub of its own write sseMiddleware(), or sseMiddleware(options)`)
}

function checked(options: unknown): Checked {
  refuseUnknown(options, KNOWN, 'options', "{ topics: ['ticks'] }")
  const { topics, headers, release, methods, cors } = options as MiddlewareOptions
  const plain = plainCors(cors, true)
  const result: Checked = {
    topics: typeof topics === 'function' || topics === undefined ? topics : topicsOf(topics),
    authorize: functionOf(options as MiddlewareOptions, 'authorize'),
    headers: typeof headers === 'function' ? headers : headersOf(headers, plain !== undefined),
    cors: plain && new Cors(plain),
    lastEventId: functionOf(options as MiddlewareOptions, 'lastEventId'),
    methods: methodsOf(methods),
    release: release ?? false,
    onConnect: functionOf(options as MiddlewareOptions, 'onConnect')
  }
  if (typeof result.release !== 'boolean') throw invalid('release', `must be true or false, not ${described(release)}`)
  return result
}

function functionOf(options: MiddlewareOptions, name: 'authorize' | 'lastEventId' | 'onConnect') {
  const value: unknown = options[name]
  if (value === undefined || typeof value === 'function') return value as ((argument: unknown) => unknown) | undefined
  throw invalid(name, `must be a function, not ${described(value)}`)
}

/** Topics as they were given, or as a function returned them. */
export function topicsOf(topics: unknown, verb = 'be'): readonly string[] {
  const refuse = (problem: string) => new SsecastError('SSECAST_INVALID_TOPIC', 'topics', problem)
  const must = `must ${verb} an array of strings, such as ['ticks']`
  if (!Array.isArray(topics)) throw refuse(`${must}, not ${described(topics)}`)
  for (const [index, topic] of topics.entries()) {
    if (typeof topic !== 'string') throw refuse(`${must}, and the item ${index} is ${described(topic)}`)
    try {
      native(() => addon().checkTopic(topic))
    } catch (error) {
      throw refuse(`has an item ${index} that ${(error as SsecastError).message.replace(/^topic /, '')}`)
    }
  }
  return [...topics]
}

/** What a function said of a client. */
export function allowedOf(allowed: unknown): boolean {
  if (typeof allowed === 'boolean') return allowed
  throw invalid('authorize', `must return true or false, not ${described(allowed)}`)
}

/** A last event ID as a function gave it. It may be of a client's making: nothing that it is may be an error. */
export function lastEventIdOf(value: unknown): string {
  if (Array.isArray(value)) return lastEventIdOf(value[0])
  if (value === null || value === undefined) return ''
  // No hub knows it, and so the client is told of its loss.
  return typeof value === 'object' || typeof value === 'symbol' ? '?' : String(value)
}

/** Headers as they were given, or as a function returned them. */
export function headersOf(headers: unknown, hasCors: boolean, verb = 'be'): Headers {
  if (headers === undefined) return []
  const all = new Map<string, [string, string | string[]]>()
  for (const pair of pairsOf(headers, verb)) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw invalid('headers', `must have pairs of a name and a value, not ${described(pair)}`)
    }
    const [name, value]: unknown[] = pair
    const values = (Array.isArray(value) ? value : [value]).map(value => check(name, value, hasCors))
    const key = (name as string).toLowerCase()
    const before = all.get(key)?.[1]
    const joined = before === undefined ? values : [before, values].flat()
    all.set(key, [name as string, joined.length === 1 ? joined[0]! : joined])
  }
  return [...all.values()]
}

function pairsOf(headers: unknown, verb: string): Iterable<unknown> {
  if (typeof headers === 'object' && headers !== null && !isPromise(headers)) {
    if (Symbol.iterator in headers) return headers as Iterable<unknown>
    if (isPlain(headers)) return Object.entries(headers)
  }
  throw invalid('headers', `must ${verb} an object such as { 'X-Mine': 'yes' }, Headers or a Map, not ${described(headers)}`)
}

/** Checks one header; its value as a string. */
function check(name: unknown, value: unknown, hasCors: boolean): string {
  if (typeof name !== 'string') throw invalid('headers', `must have names that are strings, not ${described(name)}`)
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw invalid('headers', `must have strings as values; that of ${name} is ${described(value)}`)
  }
  const text = String(value)
  try {
    validateHeaderName(name)
    validateHeaderValue(name, text)
  } catch (cause) {
    const problem = `must be valid in HTTP; ${described(name)} with the value ${described(text)} is not`
    throw new SsecastError('SSECAST_INVALID_OPTION', 'headers', problem, { cause })
  }
  const key = name.toLowerCase()
  if (OWN[key] && !OWN[key](text)) throw invalid('headers', `must not have ${name}: ${text}, as a stream says itself what it is`)
  if (hasCors && key.startsWith('access-control-allow-')) {
    throw invalid('headers', `must not have ${name}: cors says what it is`)
  }
  return text
}

function methodsOf(methods: unknown): readonly string[] | undefined {
  if (methods === undefined) return undefined
  const isMethod = (method: unknown) => typeof method === 'string' && /^[A-Z]+$/.test(method) && method !== 'OPTIONS'
  if (Array.isArray(methods) && methods.length > 0 && methods.every(isMethod)) return [...methods]
  throw invalid('methods', `must be an array such as ['GET', 'POST'], not ${Array.isArray(methods) ? JSON.stringify(methods) : described(methods)}`)
}

function invalid(field: string, problem: string): SsecastError {
  return new SsecastError('SSECAST_INVALID_OPTION', field, problem)
}
