import { bytesOf } from './data.js'
import { checkObject, invalidOption as invalid, refuseUnknown } from './error.js'
import { type HeaderFields, type Headers, headersOf, OF_A_REFUSAL } from './headers.js'
import { described } from './value.js'

/** What a client is answered that gets no stream. */
export interface Refusal {
  /** From 400 to 599; 204, by which a browser stays away; or 301, 302, 303, 307 or 308 with the header `Location`. */
  status: number
  /** Headers besides those of every answer. Those of CORS are set by the option `cors`. */
  headers?: HeaderFields | undefined
  /** The body, 64 KiB at most: plain text, unless the headers have another `Content-Type`. Default: the status in words. */
  body?: string | Uint8Array | undefined
}

/** What `authorize` answers: whether the client may have the stream (false is 403), a status, or a whole refusal. */
export type Authorization = boolean | number | Refusal

/** The same, checked. */
export interface CheckedRefusal {
  status: number
  headers: Headers
  body: Uint8Array | undefined
}

const MOST_BYTES = 64 << 10
const REDIRECTS = [301, 302, 303, 307, 308]

/** The result of `authorize`: nothing, if the client may have the stream. */
export function refusalOf(answer: unknown, hasCors: boolean): CheckedRefusal | undefined {
  if (answer === true) return undefined
  if (answer === false) return refusalOf(403, hasCors)
  if (typeof answer === 'number') return refusalOf({ status: answer }, hasCors)
  if (typeof answer !== 'object' || answer === null || !('status' in answer)) {
    throw invalid('authorize', `must return true, false, a status such as 401, or { status, headers, body }, not ${described(answer)}`)
  }
  checkObject(answer, 'authorize', '{ status: 401 }')
  refuseUnknown(answer, ['status', 'headers', 'body'], 'authorize')
  const { status, headers: given, body } = answer as Refusal
  const headers = headersOf(given, hasCors, 'be', OF_A_REFUSAL)
  const isRedirect = REDIRECTS.includes(status)
  if (isRedirect && !headers.some(([name]) => name.toLowerCase() === 'location')) {
    throw invalid('headers', `must have a Location with the status ${status}`)
  }
  if (!isRedirect && status !== 204 && !(Number.isInteger(status) && status >= 400 && status < 600)) {
    const problem = 'must be from 400 to 599, or 204, or 301, 302, 303, 307 or 308 with a Location'
    throw invalid('status', `${problem}, not ${described(status)}`)
  }
  if (body === undefined) return { status, headers, body }
  const bytes = typeof body === 'string' ? Buffer.from(body) : bytesOf(body)
  if (!bytes) throw invalid('body', `must be a string or bytes, not ${described(body)}`)
  if (bytes.length > MOST_BYTES) throw invalid('body', `must have at most ${MOST_BYTES} bytes, not ${bytes.length}`)
  if (bytes.length > 0 && status === 204) throw invalid('body', 'must be left out with the status 204, which has none')
  return { status, headers, body: bytes }
}
