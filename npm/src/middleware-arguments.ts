import { BaseHub, isHub } from './base-hub.js'
import { SsecastError } from './error.js'
import { createHub, Hub } from './hub.js'
import { type Checked, checked } from './options.js'
import { StoredHub } from './stored-hub.js'
import { described, isPlain, isPromise } from './value.js'

/** Reads the arguments of `sseMiddleware`. */
export function parse(given: ArrayLike<unknown>): { hub: BaseHub; options: Checked } {
  const [first, second] = Array.from(given)
  if (first instanceof BaseHub) return { hub: first, options: checked(second === undefined ? {} : second) }
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
  if (second instanceof BaseHub) return refuse('comes first: write sseMiddleware(hub, options)')
  if (isHub(first)) {
    return refuse('is of another copy of ssecast (or a copy of a hub): both must come from the same import of the same installed version')
  }
  if (typeof first === 'object' && first !== null && 'hub' in first) {
    return refuse('is no option, but the first argument: write sseMiddleware(hub, options)')
  }
  if (isPromise(first)) return refuse(`${should}, not a promise: await it first`)
  if (first === Hub || first === StoredHub || first === createHub) return refuse(`${should}, not ${described(first)}: write createHub()`)
  if (typeof first === 'object' && first !== null && 'httpVersion' in first) {
    return refuse(`${should}, not a request: sseMiddleware makes the middleware, so write app.get(path, sseMiddleware(hub, options))`)
  }
  return refuse(`${should}, not ${described(first)}; for a middleware with a hub of its own write sseMiddleware(), or sseMiddleware(options)`)
}
