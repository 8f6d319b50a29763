import type { NativeCors } from '../native.cjs'
import { addon } from './addon.js'
import { native, refuseUnknown, SsecastError } from './error.js'
import { described, isPlain } from './value.js'
import type { Request, RequestHead, ResponseHead } from './request.js'

/** Origins as browsers send them, such as `https://app.example`; `true` and `'*'` are all. */
export type CorsOrigins = true | string | readonly string[]

/** Decides on each origin. */
export type CorsDecision<R = Request> = (origin: string, request: R) => boolean | Promise<boolean>

/** Which pages of other origins may read the streams, and how. */
export interface CorsOptions<Origins = CorsOrigins> {
  origin: Origins
  /** Whether they may send cookies, for which the origins must be named. Default false. */
  credentials?: boolean
  /** How long a browser may remember the answer to a preflight. Default a day. */
  maxAgeMs?: number
}

/** Which pages of other origins may read the streams; `false`, the default, allows none. */
export type CorsOption<Origins = CorsOrigins> = false | Origins | CorsOptions<Origins>

/** The option, read: `origin` is an array, and left out for all, or where a function decides. */
export interface PlainCors {
  origin?: readonly string[]
  credentials?: boolean
  maxAgeMs?: number
  decides?: CorsDecision
}

const SHAPES = "true, an origin such as 'https://app.example', an array of origins"
const DECISION = 'a function (origin, request) => boolean'

/** Reads the option. Throws for a value without a meaning. */
export function plainCors(cors: unknown): PlainCors | undefined {
  if (cors === undefined || cors === false || cors === null) return undefined
  if (typeof cors !== 'object' || !isPlain(cors)) return originsOf('cors', cors, `${SHAPES}, ${DECISION}, or { origin, credentials }`)
  refuseUnknown(cors, ['origin', 'credentials', 'maxAgeMs'], 'cors')
  const { origin, ...rest } = cors as Partial<CorsOptions<unknown>>
  return { ...rest, ...originsOf('cors.origin', origin, `${SHAPES}, or ${DECISION}`) }
}

function originsOf(field: string, origin: unknown, shapes: string): PlainCors {
  if (origin === true || origin === '*') return {}
  if (typeof origin === 'string') return { origin: [origin] }
  if (typeof origin === 'function') return { decides: origin as CorsDecision }
  if (Array.isArray(origin)) {
    const other = origin.find(item => typeof item !== 'string')
    if (other === undefined && !origin.includes(undefined)) return { origin }
    throw new SsecastError('SSECAST_INVALID_OPTION', field, `must be an array of origins, and has ${described(other)}`)
  }
  throw new SsecastError('SSECAST_INVALID_OPTION', field, `must be ${shapes}, not ${described(origin)}`)
}

/** The option as the addon takes it, which asks the function elsewhere. */
export function nativeCors({ decides, ...plain }: PlainCors): object {
  return { ...plain, decided: decides !== undefined }
}

/** What a function has decided on an origin, checked. */
export async function decided(decides: CorsDecision, origin: string, request: unknown): Promise<boolean> {
  const allowed: unknown = await decides(origin, request as Request)
  if (typeof allowed === 'boolean') return allowed
  throw new SsecastError('SSECAST_INVALID_OPTION', 'cors', `must return true or false, not ${described(allowed)}`)
}

/** The CORS headers of a middleware's responses. */
export class Cors {
  readonly #native: NativeCors
  readonly #decides: CorsDecision | undefined

  constructor(cors: PlainCors) {
    this.#native = native(() => new (addon().NativeCors)(nativeCors(cors)))
    this.#decides = cors.decides
  }

  /** Sets the headers of every response, whatever its status. They replace what other middleware allowed. */
  async apply({ headers: { origin } }: RequestHead, request: unknown, response: ResponseHead): Promise<void> {
    // No, until the function has decided.
    this.#set(response, this.#native.headers(typeof origin === 'string' ? origin : undefined, this.#decides ? false : undefined))
    if (!this.#decides || typeof origin !== 'string') return
    const allowed = await decided(this.#decides, origin, request)
    if (allowed && !response.headersSent) this.#set(response, this.#native.headers(origin, true))
  }

  /** Sets the further headers of the answer to a preflight. */
  preflight(response: ResponseHead, methods: string): void {
    for (const [name, value] of this.#native.preflight(methods)) response.setHeader(name!, value!)
  }

  #set(response: ResponseHead, headers: string[][]): void {
    response.removeHeader('Access-Control-Allow-Origin')
    response.removeHeader('Access-Control-Allow-Credentials')
    for (const [name, value] of headers) {
      if (name === 'Vary') addVary(response, value!)
      else response.setHeader(name!, value!)
    }
  }
}

/** Adds a name to `Vary`, unless it is there. */
export function addVary(response: ResponseHead, name: string): void {
  const values = [response.getHeader('Vary') ?? []].flat().map(String)
  const names = values.join(',').split(',').map(other => other.trim().toLowerCase())
  if (names.includes('*') || names.includes(name.toLowerCase())) return
  response.setHeader('Vary', [...values, name].join(', '))
}
