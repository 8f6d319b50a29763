import { STATUS_CODES } from 'node:http'
import type { BaseHub } from './base-hub.js'
import { invalidOption as invalid } from './error.js'
import { attempt } from './exchange.js'
import { FetchExchange } from './fetch-exchange.js'
import { isFetchRequest, meant } from './frameworks.js'
import type { Headers as Pairs } from './headers.js'
import { type Host, PLAIN } from './host.js'
import { answerOther, open } from './open.js'
import { type Checked, checked, KNOWN, type MiddlewareOptions } from './options.js'
import type { RequestHead, ResponseHead } from './request.js'
import { described } from './value.js'

/** How a response is a stream: as {@link MiddlewareOptions}, but for what only a server of Node's can do. */
export type ResponseOptions<Context = globalThis.Request> = Omit<MiddlewareOptions<Context, globalThis.Request>, 'release'>

const OPTIONS = KNOWN.filter(name => name !== 'release')

/** Checks the options of a response. */
export function checkedResponse(options: unknown = {}): Checked {
  const result = checked(options, OPTIONS)
  if (result.topics !== undefined || result.onConnect) return result
  throw invalid('topics', "must be given, such as ['ticks'], or onConnect for a stream of one client's own")
}

/** Answers a request; the functions of the options get the `context`. */
export async function respond(hub: BaseHub, options: Checked, request: globalThis.Request, context: unknown = request): Promise<globalThis.Response> {
  if (!isFetchRequest(request)) {
    throw invalid('request', meant(request) ?? `must be a web Request, not ${described(request)}`)
  }
  const host = new FetchHost(request, context)
  if ((await open(hub, options, host)) === 'passed') await answerOther(options, host)
  return host.result()
}

/** A host that takes a `Response`. */
class FetchHost implements Host {
  readonly context: unknown
  readonly request: globalThis.Request
  readonly requestHead: RequestHead
  readonly responseHead = new FetchHead()
  readonly #exchange: FetchExchange
  #body: BodyInit | null | undefined

  constructor(request: globalThis.Request, context: unknown) {
    this.request = request
    this.context = context
    this.requestHead = { method: request.method, headers: Object.fromEntries(request.headers) }
    this.#exchange = new FetchExchange(request)
  }

  /** The route is the application's, and so is what its method means. */
  takes(): boolean {
    return true
  }

  exchange(): FetchExchange {
    return this.#exchange
  }

  isAnswered(): boolean {
    return false
  }

  leave(): void {
    // It reaches no client.
    this.answer(499, [])
  }

  answer(status: number, headers: Pairs = [], body?: Uint8Array): void {
    this.responseHead.statusCode = status
    if (status !== 204) this.responseHead.setHeader('Content-Type', PLAIN)
    for (const [name, value] of headers) this.responseHead.setHeader(name, value)
    this.#body = status === 204 || this.request.method === 'HEAD' ? null : ((body as BodyInit) ?? STATUS_CODES[status] ?? '')
  }

  end(body?: Uint8Array): void {
    this.#body = (body as BodyInit) ?? null
  }

  whenHeadIsSet(begin: () => void): void {
    begin()
  }

  fail(error: unknown): void {
    attempt(() => console.error(error))
  }

  result(): globalThis.Response {
    const { statusCode: status, headers } = this.responseHead
    return new Response(this.#body === undefined ? this.#exchange.body : this.#body, { status, headers })
  }
}

/** The head of a `Response`. */
class FetchHead implements ResponseHead {
  statusCode = 200
  readonly headersSent = false
  readonly headers = new Headers()

  getHeader(name: string): string | undefined {
    return this.headers.get(name) ?? undefined
  }

  setHeader(name: string, value: string | readonly string[]): void {
    this.headers.delete(name)
    for (const one of [value].flat()) this.headers.append(name, one)
  }

  removeHeader(name: string): void {
    this.headers.delete(name)
  }
}
