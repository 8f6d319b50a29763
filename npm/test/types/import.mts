// Compiled, not run: what a consumer that imports the package may write, and what it may not.
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'

import express from 'express'
import {
  type Answer,
  type CorsDecision,
  type CorsOption,
  createHub,
  createParser,
  events,
  encode,
  type EventSourceMessage,
  type EventSourceParser,
  EventSourceParserStream,
  Hub,
  type HubOptions,
  type Listener,
  type ListenerRequest,
  type ListenOptions,
  type Middleware,
  type MiddlewareOptions,
  type ParserOptions,
  type ParserStreamOptions,
  type Published,
  type Reason,
  Session,
  sseMiddleware,
  SsecastError,
  type ErrorCode,
  type EventFields,
  type EventInit,
  type PipeOptions,
  type Stats,
  StoredHub,
  type StoreOptions,
  type Authorization,
  type Refusal,
  type ResponseOptions,
  type SubscribeOptions,
  Subscription
} from 'ssecast'
import * as eventsource from 'ssecast/eventsource-parser'
import * as eventsourceStream from 'ssecast/eventsource-parser/stream'
import { type Cause, EventSource, EventSourceErrorEvent, type EventSourceOptions } from 'ssecast/client'
import * as parserOnly from 'ssecast/parser'

const options: HubOptions = {
  history: { events: 1000, bytes: null, ms: 300_000 },
  slowClient: { bytes: 1 << 20, ms: 30_000, policy: 'skip' },
  heartbeatMs: null,
  retryMs: 2000,
  resetEvent: false,
  keepEndedMs: 1000,
  maxConnections: 10,
  maxTopics: 10,
  maxEventBytes: 1000
}
const hub: Hub = createHub(options)
const fields: EventFields = { event: 'tick', id: 7, retry: 1000, comment: 'hello' }
const published: Published = hub.publish('ticks', { now: Date.now() }, fields)
const id: string | null = published.id
const subscribers: number = published.subscribers
const stats: Stats = hub.stats()
const lagged: number = stats.disconnects.lagged + stats.resets.lagged
const closed: boolean = hub.closed
hub.endTopic('answer') satisfies void
const unread: AbortSignal = hub.whenUnread('answer', 1000)
const state: 'unopened' | 'ready' | 'degraded' | undefined = stats.store
const event: EventInit = { data: new Uint8Array(), id: 'last' }
const closing: Promise<void> = hub.close({ event, graceMs: 100 })
const bytes: Uint8Array = encode(event)

// With a store, publishing gives a promise.
const stored: StoredHub = createHub({ ...options, store: new URL('./events', import.meta.url), publishTimeoutMs: 500 })
const later: Promise<Published> = stored.publish('ticks', { now: Date.now() }, fields)
const ending: Promise<void> = stored.endTopic('answer')
const store: StoreOptions = { store: process.env.STORE }
const either: Hub | StoredHub = createHub({ ...options, ...store })
either.publish('ticks', 1)
const middlewareOfStored: Middleware<StoredHub> = sseMiddleware(stored, { topics: ['ticks'], replay: 'all' })
const storedAgain: StoredHub = sseMiddleware.koa1(middlewareOfStored.hub, { topics: ['ticks'], replay: 10 }).hub

// One middleware serves every host.
const middleware: Middleware = sseMiddleware(hub, { topics: ['ticks'] })
express().get('/stream', middleware).use(sseMiddleware())
http.createServer(middleware)
https.createServer(middleware)
http2.createServer(middleware)
http2.createSecureServer({ allowHTTP1: true }, middleware)
const own: Hub = middleware.hub
const generator = sseMiddleware.koa1(hub, { topics: ['ticks'] })
const same: Hub = generator.hub

const typed: MiddlewareOptions<express.Request> = {
  topics: async request => [`user-${request.params.user}`],
  authorize: async request => request.header('authorization') === 'yes',
  headers: request => ({ 'X-Path': request.path }),
  lastEventId: request => request.header('x-last-event-id'),
  cors: { origin: 'https://example.com', credentials: true },
  async onConnect(session) {
    const sent: boolean = session.send({ hello: 'you' }, { event: 'greeting' })
    session.comment('hello')
    session.subscribe('a', 'b')
    session.unsubscribe('a')
    const pipe: PipeOptions<string> = { event: 'token', map: text => text.toUpperCase(), done: '[DONE]' }
    const all: boolean = await session.pipe(tokens(), pipe)
    session.signal.addEventListener('abort', () => {})
    const topics: string[] = session.topics
    const text: string = session.lastEventId + session.delivery + session.request.url
    const reason: Reason = await session.close()
    if (reason === 'client' || reason === 'server') await session.closed
  }
}
express().get('/user/:user', sseMiddleware(hub, typed))
const late: MiddlewareOptions<express.Request> = {
  topics: [],
  headers: async () => new Headers({ 'X-Path': '/' }),
  lastEventId: async request => request.header('x-last-event-id') ?? null,
  cors: async (origin, request) => origin.endsWith('.example.com') && request.url !== '/',
  methods: ['GET', 'POST']
}
const decided: CorsOption<CorsDecision> = { origin: origin => origin === 'https://a.example', credentials: true }
express().post('/late', sseMiddleware(hub, late), sseMiddleware(hub, { ...late, headers: new Map([['a', 'b']]), cors: decided }))

async function* tokens(): AsyncGenerator<string> {
  yield 'token'
}

try {
  hub.publish('t', 1n)
} catch (error) {
  if (error instanceof SsecastError) {
    const code: ErrorCode = error.code
    const field: string = error.field
    if (code === 'SSECAST_INVALID_DATA') throw new Error(field, { cause: error })
  }
}

const listen: ListenOptions = {
  port: 3000,
  host: 'localhost',
  path: '/events',
  topics: async (request: ListenerRequest): Promise<Answer> =>
    request.headers.cookie ? [`user-${request.query.get('user')}`, request.peer.address] : 401,
  authorize: request => request.path !== '/' && request.lastEventId === '',
  headers: { 'X-More': 'yes' },
  cors: { origin: ['https://a.example', 'https://b.example'], credentials: true, maxAgeMs: 1000 },
  headMs: 1000
}
const listening: Promise<Listener> = hub.listen(listen)
listening.then(listener => (console.log(listener.address, listener.port), listener.close()))
hub.listen({ topics: ['t'], cors: true })
hub.listen({ queryTopics: true, cors: '*' })

const parserOptions: ParserOptions = {
  onEvent({ event, id, data, lastEventId }: EventSourceMessage) {
    const texts: (string | undefined)[] = [event, id]
    texts.push(data, lastEventId)
  },
  onComment: comment => comment.toUpperCase(),
  onRetry: milliseconds => milliseconds.toFixed(),
  onError: (error: SsecastError) => error.code,
  maxEventBytes: 1 << 20
}
const parser: EventSourceParser = createParser(parserOptions)
parser.feed(new Uint8Array())
parser.feed('data: x\n\n')
parser.reset({ consume: true })
const place: string = parser.lastEventId
parser.feed(new ArrayBuffer(1))
parser.reset({ dispatchUnfinished: true })
async function iterate(response: globalThis.Response) {
  for await (const { data } of events(response, { dispatchUnfinished: true })) data.length
  for await (const { id } of parserOnly.events(process.stdin)) id?.length
}
const alias: eventsource.EventSourceParser = eventsource.createParser({ onId: id => id.length, maxBufferSize: 1, onError: ({ type, field }) => [type, field] })
const aliasStream: TransformStream<string, eventsource.EventSourceMessage> = new eventsourceStream.EventSourceParserStream({ onError: 'terminate' })
const streamOptions: ParserStreamOptions = { onError: 'terminate', maxEventBytes: 1000 }
fetch('http://localhost').then(async response => {
  const events: ReadableStream<EventSourceMessage> = response.body!.pipeThrough(new EventSourceParserStream(streamOptions))
  return events.getReader()
})

declare const session: Session

// @ts-expect-error: a mistyped option
createHub({ heartbeat: 1 })
// @ts-expect-error: a store is named by text
createHub({ store: 5 })
// @ts-expect-error: what a stored hub publishes is awaited
stored.publish('t', 'x').id
// @ts-expect-error: a replay that there is not
sseMiddleware(hub, { topics: ['t'], replay: 'some' })
// @ts-expect-error: a policy that there is not
createHub({ slowClient: { policy: 'wait' } })
// @ts-expect-error: a retry that is text
hub.publish('t', 'x', { retry: '0\r\nevent: admin' })
// @ts-expect-error: a mistyped field
hub.publish('t', 'x', { type: 'tick' })
// @ts-expect-error: a stream's events are read, not called back
new EventSourceParserStream({ onEvent() {} })
// @ts-expect-error: a chunk is bytes or a string
parser.feed(1)
// @ts-expect-error: no topic
hub.publish()
// @ts-expect-error: a mistyped option of a listener
hub.listen({ topic: ['t'] })
// @ts-expect-error: topics that are one string
sseMiddleware(hub, { topics: 'ticks' })
// @ts-expect-error: a hub that is missing
sseMiddleware(undefined, { topics: ['ticks'] })
// @ts-expect-error: a hub that was not waited for
sseMiddleware(Promise.resolve(hub), { topics: ['ticks'] })
// @ts-expect-error: a pattern is no origin
sseMiddleware(hub, { topics: ['ticks'], cors: /example/ })
hub.listen({ topics: ['t'], cors: async (origin, request) => origin === request.headers['origin'] && request.path !== '/' })
hub.listen({ topics: ['t'], cors: { origin: () => true, credentials: true } })
// @ts-expect-error: a function that decides on origins says true or false
hub.listen({ topics: ['t'], cors: () => 'https://app.example' })
// @ts-expect-error: a mistyped option
sseMiddleware(hub, { topic: ['ticks'] })
// @ts-expect-error: a hub's option is not the middleware's
sseMiddleware({ topics: ['ticks'], retryMs: 5 })
// @ts-expect-error: a session is made by the middleware
session.id = 5

const sourceOptions: EventSourceOptions = {
  withCredentials: true,
  headers: async () => ({ Authorization: 'Bearer x' }),
  method: 'POST',
  body: '{}',
  retry: { first: 100, statuses: [503] },
  idleMs: 60_000,
  shared: true,
}
const source = new EventSource(new URL('http://localhost'), sourceOptions)
source.onmessage = ({ data, lastEventId }) => data.length + lastEventId.length
source.addEventListener('tick', ({ data }) => data.length)
source.onerror = event => {
  const cause: Cause = event.cause
  const status: number | undefined = event.status
  const retryIn: number | undefined = event.retryIn
  return [cause, status, retryIn, event instanceof EventSourceErrorEvent]
}
const standard: globalThis.EventTarget = source
for await (const { data } of source) data.length
// @ts-expect-error an option that there is not
new EventSource('http://localhost', { header: {} })
// @ts-expect-error a wrong type
new EventSource('http://localhost', { idleMs: '5' })

// In this process, and for hosts that take a web Response.
const reading: Subscription = hub.subscribe(['ticks'], { lastEventId: null, replay: 'all', signal: unread } satisfies SubscribeOptions)
for await (const { event, data, id, lastEventId } of reading) {
  const text: string = data + lastEventId
  const maybe: string | undefined = event ?? id
}
const asked: ResponseOptions = {
  topics: request => [new URL(request.url).pathname],
  authorize: async request => (request.headers.has('authorization') ? true : { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } }),
  cors: (origin, request) => request.headers.get('origin') === origin,
  onConnect: async session => session.send(await session.request.json()),
}
const answeredBy: Promise<globalThis.Response> = stored.response(new Request('http://localhost'), asked)
const refusal: Refusal = { status: 303, headers: { Location: '/' }, body: new Uint8Array() }
const authorization: Authorization[] = [true, false, 401, refusal]
// The request is typed without a word; what a framework adds to it is any.
sseMiddleware(hub, { topics: request => [request.headers['x-topic'] as string, request.query.topic] })
// @ts-expect-error A header may be missing.
sseMiddleware(hub, { topics: request => [request.headers['x-topic']] })
express().get('/mine', sseMiddleware(), (request, response) => {
  request.sse?.send('x') satisfies boolean | undefined
  response.sse?.close()
  // @ts-expect-error It is not there without the middleware.
  request.sse.send('x')
})
// @ts-expect-error There is no such option of a response.
hub.response(new Request('http://localhost'), { topics: [], release: true })
// @ts-expect-error Node's request is for the middleware.
hub.response(new http.IncomingMessage(null!), { topics: [] })
