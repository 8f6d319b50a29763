import { addon } from './addon.js'
import { lastEventIdOf, topicsOf } from './answers.js'
import type { BaseHub } from './base-hub.js'
import { native, SsecastError } from './error.js'
import { type Headers, headersOf } from './headers.js'
import type { Host } from './host.js'
import type { Checked } from './options.js'
import { refusalOf } from './refusal.js'
import type { RequestHead } from './request.js'
import { Session } from './session.js'
import { setStreamHead } from './stream-head.js'

/** Whether a request gets a stream by its method. */
function opens(options: Checked, host: Host, method: string): boolean {
  if (method === 'HEAD') return opens(options, host, 'GET')
  if (options.methods) return options.methods.includes(method)
  if (method === 'OPTIONS') return false
  return method === 'GET' || options.topics === undefined || host.takes(method)
}

/** The methods that a client is told of. */
function methodsOf(options: Checked, host: Host): string {
  const asked = askedMethod(host)
  const methods = options.methods ?? ['GET', ...(asked && asked !== 'HEAD' && opens(options, host, asked) ? [asked] : [])]
  const all = methods.includes('GET') ? ['GET', 'HEAD', ...methods] : methods
  return [...new Set([...all, 'OPTIONS'])].join(', ')
}

/** The method that a preflight asks for. */
function askedMethod({ requestHead }: Host): string | undefined {
  const asked = requestHead.headers['access-control-request-method']
  return typeof asked === 'string' ? asked : undefined
}

/** Answers a request that gets no stream by its method. */
export async function answerOther(options: Checked, host: Host): Promise<void> {
  const { request, requestHead, responseHead } = host
  await options.cors?.apply(requestHead, request, responseHead)
  host.answer(requestHead.method === 'OPTIONS' ? 204 : 405, [['Allow', methodsOf(options, host)]])
}

/** A session for the next middleware, or what became of the request: answered here, or left to the next middleware. */
export type Outcome = Session | 'taken' | 'passed'

/** Opens a stream for a request, or answers it, by the options. */
export async function open(hub: BaseHub, options: Checked, host: Host): Promise<Outcome> {
  const { context, request, requestHead, responseHead } = host
  const { cors } = options
  const method = requestHead.method!
  if (cors && method === 'OPTIONS') {
    const asked = askedMethod(host)
    if (!asked || !opens(options, host, asked)) return 'passed'
    await cors.apply(requestHead, request, responseHead)
    cors.preflight(responseHead, methodsOf(options, host))
    return refuse(204)
  }
  if (!opens(options, host, method)) return 'passed'
  // The client may leave while the options' functions run; then nothing is registered. They may also answer by
  // themselves, with a redirect for example.
  const exchange = host.exchange()
  const wasAnswered = host.isAnswered()
  const isSettled = () => exchange.look() || (!wasAnswered && host.isAnswered())
  // First, so that a page may read refusals too.
  await cors?.apply(requestHead, request, responseHead)
  if (isSettled()) return leave()
  const allowed = options.authorize ? await options.authorize(context) : true
  if (isSettled()) return leave()
  const refusal = refusalOf(allowed, cors !== undefined)
  if (refusal) return refuse(refusal.status, refusal.headers, refusal.body)
  // Each result is checked after `isSettled`: a function that has answered by itself may return anything.
  const read = typeof options.topics === 'function' ? await options.topics(context) : options.topics
  if (isSettled()) return leave()
  const topics = typeof options.topics === 'function' ? topicsOf(read, 'return') : options.topics
  const more = typeof options.headers === 'function' ? await options.headers(context) : undefined
  if (isSettled()) return leave()
  const headers = typeof options.headers === 'function' ? headersOf(more, cors !== undefined, 'return') : options.headers
  const lastEventId = options.lastEventId ? lastEventIdOf(await options.lastEventId(context)) : ownLastEventId(requestHead)
  if (isSettled()) return leave()
  if (addon().isFinished(lastEventId)) return refuse(204)
  let session: Session | undefined
  try {
    // To HEAD the answer is that to GET, and there is no stream behind it.
    if (method === 'HEAD') native(() => hub.connections.native.check([...(topics ?? [])], lastEventId, options.replay))
    else session = new Session(hub, exchange, topics ?? [], lastEventId, options.replay)
  } catch (error) {
    // There is nothing left to get.
    if (error instanceof SsecastError && error.code === 'SSECAST_TOPIC_ENDED') return refuse(204)
    if (!(error instanceof SsecastError) || !addon().isUnavailable(error.code)) throw error
    return turnAway()
  }
  try {
    setStreamHead(responseHead, headers)
  } catch (error) {
    session?.discard()
    throw error
  }
  if (!session) {
    host.end()
    return 'taken'
  }
  const connect = () => {
    // Not awaited: it may run as long as the stream.
    new Promise(resolve => resolve(options.onConnect?.(session))).catch(error => {
      session.close('error')
      host.fail(error)
    })
  }
  const begin = () => {
    if (session.start(options.release) && topics) connect()
  }
  host.whenHeadIsSet(begin, topics === undefined)
  if (topics) return 'taken'
  connect()
  return session

  function leave(): Outcome {
    host.leave()
    return 'taken'
  }

  function refuse(status: number, headers?: Headers, body?: Uint8Array): Outcome {
    host.answer(status, headers, body)
    return 'taken'
  }

  /** Refuses: there can be no stream at the moment. */
  function turnAway(): Outcome {
    const { body, retryAfter } = native(() => hub.connections.native.unavailable(method, String(requestHead.headers.accept ?? '')))
    // The server of a closing hub waits for its connections.
    if (hub.closed) exchange.endConnection()
    if (body === undefined) return refuse(503, [['Retry-After', String(retryAfter)]])
    setStreamHead(responseHead, headers)
    host.end(method === 'HEAD' ? undefined : body)
    return 'taken'
  }
}

/** The last event ID of a request's own header. */
function ownLastEventId(request: RequestHead): string {
  const value = request.headers['last-event-id']
  return typeof value === 'string' ? addon().lastEventId(value) : ''
}
