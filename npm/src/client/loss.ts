/** Why there is no connection, or no longer one; the same words in every language. */
export type Cause = 'status' | 'content-type' | 'network' | 'ended' | 'too-large' | 'idle'

/** A connection that is lost, or that there never was. */
export interface Loss {
  cause: Cause
  /** The answer's status, if the cause is `status`. */
  status?: number | undefined
  message: string
  /** The wait in milliseconds before the next connection; `undefined` if there will be none, and the source is closed. */
  retryIn?: number | undefined
  /** What `fetch`, the body or the `headers` function threw, if the cause is `network`. */
  error?: unknown
}

/** What the cause is, as a sentence. `detail` is the status, the content type or the error. */
export function explain(cause: Cause, detail: unknown): string {
  const { message = detail, cause: inner } = (detail ?? {}) as Error
  return {
    status: `the server answered ${detail}, not 200`,
    'content-type': `the answer ${detail ? `is ${detail}` : 'has no Content-Type'}, not text/event-stream`,
    network: `the connection failed: ${message}${inner ? `: ${(inner as Error).message ?? inner}` : ''}`,
    ended: 'the server ended the stream',
    'too-large': 'an event was larger than maxEventBytes',
    idle: 'nothing came for longer than idleMs',
  }[cause]
}
