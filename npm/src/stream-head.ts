import { addon } from './addon.js'
import { addVary } from './cors.js'
import type { Headers } from './headers.js'
import type { ResponseHead } from './request.js'

/**
 * Sets the head of a stream, and the application's headers. Headers that others set before, such as cookies, stay, and so
 * does a stricter `Cache-Control`.
 */
export function setStreamHead(response: ResponseHead, headers: Headers = []): void {
  const cache = [response.getHeader('Cache-Control') ?? []].flat().map(String)
  // The application's values come first: if Node refuses one, the response to the error has none of a stream's headers.
  for (const [name, value] of headers) {
    if (/^cache-control$/i.test(name)) cache.push(...[value].flat())
    else if (/^vary$/i.test(name)) [value].flat().join(',').split(',').forEach(name => addVary(response, name.trim()))
    else response.setHeader(name, value)
  }
  response.statusCode = 200
  response.removeHeader('Content-Length')
  for (const [name, value] of addon().streamHeaders(cache.join(', '))) response.setHeader(name!, value!)
}
