import { createDecoder } from '../parser/decoder.js'
import { createGrammar } from '../parser/grammar.js'
import { alarm } from './alarm.js'
import { Backoff } from './backoff.js'
import { type Cause, explain, type Loss } from './loss.js'
import type { Settings } from './options.js'

/** What a stream brings: an event, or, without data, an id alone (SPEC 12). */
export interface Entry {
  type: string
  data: string | undefined
  lastEventId: string
  origin: string
  /** Whether it carried an id of its own. */
  hasId: boolean
}

/** What is told of a connection, in the order in which it happens. */
export interface Listener {
  open(): void
  entry(entry: Entry): void
  lost(loss: Loss): void
  /** What to wait for before more is read, if anything. */
  full?(): Promise<void> | undefined
}

/** A connection that is made again until it is closed, or the server says that there is no more. */
export interface Connection {
  /** Ends it for good: nothing follows, and no timer or socket is left. */
  close(): void
  /** What the next request resumes from. */
  readonly lastEventId: string
  /** The wait that the stream has set, or the first one. */
  readonly reconnectionTime: number
}

/** A chunk is parsed in pieces of this many bytes; after each, loops over the events may catch up. */
const PIECE = 1 << 14
/** What has come by then is read before a connection counts as silent: this program, or the machine, may have stood still. */
const GRACE = 50
/** The longest wait that a server can ask for: a mistaken year keeps no client away for ever. */
const LONGEST_RETRY_AFTER = 3_600_000
const encoder = new TextEncoder()

/** Connects, waits, and resumes with the last event ID. */
export function connect(settings: Settings, lastEventId: string, listener: Listener): Connection {
  const { url, retry, maxEventBytes, idleMs } = settings
  const backoff = new Backoff(retry)
  const decoder = createDecoder()
  let stated: number | undefined
  let isClosed = false
  let origin = ''
  /** Ends the wait for the next attempt. */
  let stopWaiting = () => {}
  /** Gives up the attempt under way. */
  let leave = () => {}
  let fail = () => {}

  const grammar = createGrammar(
    {
      block(id, type = 'message', data) {
        if (id !== undefined) lastEventId = id
        if (data !== undefined) backoff.reset()
        listener.entry({ type, data, lastEventId, origin, hasId: id !== undefined })
      },
      retry: milliseconds => void (stated = Math.min(milliseconds, Number.MAX_SAFE_INTEGER)),
      fail: () => fail(),
    },
    { most: maxEventBytes, isDropIn: false },
  )

  /** One connection, from the request to its loss. */
  async function attempt(): Promise<void> {
    const controller = new AbortController()
    let isOver = false
    let body: { cancel(): Promise<void> } | null | undefined
    /** Ends the watch for silence. */
    let unwatch = () => {}

    leave = () => {
      isOver = true
      unwatch()
      controller.abort()
      // An answer that is refused, or came from a fetch without signals, is not left open. One that has failed can't be cancelled.
      body?.cancel().catch(() => {})
      // An incomplete event is discarded, and so is what follows in this chunk (SPEC 15, 27).
      decoder.end()
      grammar.reset()
    }
    const lose = (cause: Cause, detail?: unknown, retryAfter = 0) => {
      if (isOver) return
      leave()
      lost(cause, detail, retryAfter)
    }
    /** When something was heard last: a chunk sets no timer of its own. */
    let heardAt = Date.now()
    /** Watches for silence. */
    const watch = (ms = idleMs, isLast?: boolean) => {
      if (!ms) return
      unwatch = alarm(ms, () => {
        // A clock that was set back makes no silence longer.
        const silentMs = Math.abs(Date.now() - heardAt)
        if (silentMs < idleMs!) watch(idleMs! - silentMs)
        else if (isLast) lose('idle')
        else watch(GRACE, true)
      })
    }
    fail = () => lose('too-large')
    watch()

    try {
      const response = (await send(controller.signal, () => isOver))!
      body = response?.body
      if (isOver) return void body?.cancel().catch(() => {})
      if (response.status !== 200) return lose('status', response.status, retryAfterOf(response.headers))
      const type = response.headers.get('content-type') ?? ''
      if (!/^text\/event-stream[ \t]*(;|$)/i.test(type)) return lose('content-type', type)
      // Redirects were followed (SPEC 22).
      origin = new URL(response.url || url).origin
      listener.open()
      if (isOver) return
      if (!response.body) return lose('ended')
      const reader = response.body.getReader()
      body = reader
      let isFirst = true
      for (;;) {
        const { done, value } = await reader.read()
        if (isOver) return
        if (done) return lose('ended')
        heardAt = Date.now()
        for (let at = 0; at < value.length; at += PIECE) {
          let text = decoder.decode(value.length > PIECE ? value.subarray(at, at + PIECE) : value)
          if (isFirst && text !== '') {
            isFirst = false
            if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
          }
          grammar.feed(text)
          if (isOver) return
          const room = listener.full?.()
          if (!room) continue
          // It is not the server that is slow.
          unwatch()
          await room
          if (isOver) return
          heardAt = Date.now()
          watch()
        }
      }
    } catch (error) {
      lose('network', error)
    }
  }

  async function send(signal: AbortSignal, isOver: () => boolean): Promise<Response | undefined> {
    const { headers: given, method, body, withCredentials } = settings
    const headers = new Headers((typeof given === 'function' ? await given() : given) as HeadersInit)
    if (isOver()) return
    headers.set('Accept', 'text/event-stream')
    // As UTF-8, in the form that headers have (SPEC 26).
    if (lastEventId !== '') headers.set('Last-Event-ID', Array.from(encoder.encode(lastEventId), byte => String.fromCharCode(byte)).join(''))
    const init: RequestInit = { method: method!, headers, signal }
    if (body !== undefined) init.body = body as BodyInit
    if (withCredentials) init.credentials = 'include'
    // In a page the header would cost a preflight; elsewhere `cache` may be no option.
    if (globalThis.location) init.cache = 'no-store'
    else headers.set('Cache-Control', 'no-cache')
    const { fetch = globalThis.fetch } = settings
    return fetch(url.href, init)
  }

  function lost(cause: Cause, detail: unknown, retryAfter: number): void {
    const again =
      !settings.once &&
      (cause === 'status'
        ? retry.statuses.includes(detail as number)
        : // To ask again is futile where nothing can ever be fetched.
          cause === 'network' ? /^https?:/.test(url.href) : cause !== 'content-type')
    isClosed ||= !again
    const retryIn = again ? Math.max(backoff.next(stated), retryAfter) : undefined
    const status = cause === 'status' ? (detail as number) : undefined
    listener.lost({ cause, status, message: explain(cause, detail), retryIn, error: cause === 'network' ? detail : undefined })
    if (!isClosed) stopWaiting = alarm(retryIn!, attempt)
  }

  void attempt()
  return {
    close() {
      isClosed = true
      stopWaiting()
      leave()
    },
    get lastEventId() {
      return lastEventId
    },
    get reconnectionTime() {
      return stated ?? retry.first
    },
  }
}

/** The wait in milliseconds that an answer asks for. */
function retryAfterOf(headers: Headers): number {
  const value = headers.get('retry-after')?.trim() ?? ''
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.parse(headers.get('date') ?? '')
  // NaN is no wait.
  return wait > 0 ? Math.min(wait, LONGEST_RETRY_AFTER) : 0
}
