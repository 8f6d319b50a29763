import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

/** A request of node:http, https, or http2's compatibility API. */
export type Request = IncomingMessage | Http2ServerRequest
/** A response of node:http, https, or http2's compatibility API. */
export type Response = ServerResponse | Http2ServerResponse

/** The head of a request, of any server: the names of headers are in lower case. */
export interface RequestHead {
  readonly method?: string | undefined
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** The head of a response, of any server. */
export interface ResponseHead {
  statusCode: number
  readonly headersSent: boolean
  getHeader(name: string): number | string | string[] | undefined
  setHeader(name: string, value: string | readonly string[]): unknown
  removeHeader(name: string): void
}
