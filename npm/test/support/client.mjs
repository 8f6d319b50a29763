import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'

import { EventStream } from './event-stream.mjs'
import { eventually } from './eventually.mjs'

/** A client of a stream over a connection of its own. */
export class Client extends EventStream {
  status
  headers
  /** Whether the stream has ended, and whether it was ended properly rather than cut off. */
  ended = false
  complete = false
  /** Resolves at its end. */
  over
  #response
  #cut

  constructor(status, headers, response, cut, lastEventId) {
    super(lastEventId)
    Object.assign(this, { status, headers })
    this.#response = response
    this.#cut = cut
    response.on('data', chunk => this.feed(chunk))
    response.on('end', () => (this.complete = response.complete ?? true))
    response.on('error', () => {})
    this.over = new Promise(resolve => {
      response.on('close', () => {
        this.ended = true
        resolve()
      })
    })
  }

  /** Leaves, without a word. */
  cut() {
    this.#cut()
  }

  /** Reads nothing any more: the connection fills up. */
  stall() {
    this.#response.pause()
  }

  /** Reads again. */
  read() {
    this.#response.resume()
  }

  /** Waits until there are so many events, resets not counted. */
  async has(count, type) {
    await eventually(() => this.data(type).length >= count || this.ended, `${count} events`)
    return this.data(type)
  }

  async end() {
    await eventually(() => this.ended, 'the end of the stream')
    return this
  }
}

/**
 * Requests a stream; resolves when the head of the response is there.
 *
 * @param {string} url
 * @param {{ method?: string, headers?: object, lastEventId?: string, version?: 1 | 2, signal?: AbortSignal,
 *   agent?: http.Agent, session?: http2.ClientHttp2Session }} options
 * @returns {Promise<Client>}
 */
export async function join(url, { method = 'GET', headers = {}, lastEventId, version = 1, ...more } = {}) {
  headers = { Accept: 'text/event-stream', ...headers }
  if (lastEventId) headers['Last-Event-ID'] = Buffer.from(lastEventId).toString('latin1')
  const open = version === 2 ? join2 : join1
  return open(new URL(url), method, headers, lastEventId, more)
}

function join1(url, method, headers, lastEventId, { agent = false, ...more }) {
  return new Promise((resolve, reject) => {
    const { request } = url.protocol === 'https:' ? https : http
    const sent = request(url, { method, headers, agent, rejectUnauthorized: false, ...more })
    sent.on('error', reject)
    sent.on('response', response => {
      resolve(new Client(response.statusCode, response.headers, response, () => sent.destroy(), lastEventId))
    })
    sent.end()
  })
}

function join2(url, method, headers, lastEventId, { session: shared, signal }) {
  return new Promise((resolve, reject) => {
    const session = shared ?? http2.connect(url, { rejectUnauthorized: false })
    session.on('error', reject)
    signal?.addEventListener('abort', () => session.destroy())
    const stream = session.request({ ':method': method, ':path': url.pathname + url.search, ...headers })
    stream.on('error', reject)
    stream.on('response', head => {
      const cut = () => (shared ? stream.destroy() : session.destroy())
      resolve(new Client(head[':status'], head, stream, cut, lastEventId))
    })
    stream.on('close', () => {
      reject(new Error('closed before the response'))
      if (!shared) session.close()
    })
    stream.end()
  })
}
