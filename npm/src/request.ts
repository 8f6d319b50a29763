import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

/** A request of node:http, https, or http2's compatibility API. */
export type Request = IncomingMessage | Http2ServerRequest
/** A response of node:http, https, or http2's compatibility API. */
export type Response = ServerResponse | Http2ServerResponse
