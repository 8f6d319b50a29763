import { validateHeaderName, validateHeaderValue } from 'node:http'
import { invalidOption as invalid, SsecastError } from './error.js'
import { described, isPlain, isPromise } from './value.js'

/** Header names and values: an object, `Headers`, a `Map`, or a list of pairs. */
export type HeaderFields =
  | Record<string, string | number | readonly string[]>
  | Iterable<readonly [string, string | number | readonly string[]]>

/** Header names and values as `setHeader` takes them. */
export type Headers = readonly (readonly [string, string | string[]])[]

/** The headers that a stream's response sets itself, and which values of them may be given. */
const OWN: Record<string, (value: string) => boolean> = {
  'content-type': value => /^text\/event-stream\b/i.test(value),
  'content-length': () => false,
  'content-encoding': () => false,
  'transfer-encoding': value => value.toLowerCase() === 'chunked',
  'x-accel-buffering': value => value.toLowerCase() === 'no'
}

/** The headers that a refusal's response sets itself. */
export const OF_A_REFUSAL: typeof OWN = Object.fromEntries(
  ['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding'].map(name => [name, () => false])
)

/** Headers as they were given, or as a function returned them. */
export function headersOf(headers: unknown, hasCors: boolean, verb = 'be', own = OWN): Headers {
  if (headers === undefined) return []
  const all = new Map<string, [string, string | string[]]>()
  for (const pair of pairsOf(headers, verb)) {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw invalid('headers', `must have pairs of a name and a value, not ${described(pair)}`)
    }
    const [name, value]: unknown[] = pair
    const values = (Array.isArray(value) ? value : [value]).map(value => check(name, value, hasCors, own))
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
function check(name: unknown, value: unknown, hasCors: boolean, own: typeof OWN): string {
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
  if (own[key] && !own[key](text)) {
    const why = own === OWN ? `: ${text}, as a stream says itself what it is` : ', which the server sends itself'
    throw invalid('headers', `must not have ${name}${why}`)
  }
  if (hasCors && key.startsWith('access-control-allow-')) {
    throw invalid('headers', `must not have ${name}: cors says what it is`)
  }
  return text
}
