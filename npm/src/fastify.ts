import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BaseHub } from './base-hub.js'
import { attempt } from './exchange.js'
import { hubOf } from './frameworks.js'
import { type Host, isSent, nodeHeads } from './host.js'
import { answerOther, open } from './open.js'
import { type Checked, checked, type MiddlewareOptions } from './options.js'
import type { Session } from './session.js'

/** What is used of a request of Fastify. */
export interface FastifyRequest {
  raw: IncomingMessage
  log: { error(error: unknown): void }
}

/** What is used of a reply of Fastify. */
export interface FastifyReply {
  raw: ServerResponse
  request: FastifyRequest
  sent: boolean
  hijack(): unknown
  code(status: number): unknown
  header(name: string, value: any): unknown
  getHeaders(): Record<string, number | string | string[] | undefined>
  send(body?: unknown): unknown
}

/** What `reply.sse` is. */
export type ReplySse = <Context = any>(options?: MiddlewareOptions<Context>) => Promise<Session | undefined>

// @ts-ignore: it is there where this file is used.
declare module 'fastify' {
  interface FastifyReply {
    sse: ReplySse
  }
}

/**
 * A plugin for Fastify: `reply.sse(options)` answers a request with a stream. The functions of its options get Fastify's
 * request. When the application closes, its streams end.
 *
 * It gives the session, or nothing if the client got no stream.
 *
 * @example
 * await app.register(fastifySse, { hub })
 * app.get('/stream', (request, reply) => reply.sse({ topics: ['ticks'] }))
 */
export const fastifySse = Object.assign(
  (app: any, { hub: given }: { hub: BaseHub }, done: (error?: Error) => void): void => {
    try {
      const hub = hubOf(given, 'app.register(fastifySse, { hub })')
      const sessions = new Set<Session>()
      app.decorateReply('sse', async function (this: FastifyReply, options: MiddlewareOptions<any> = {}) {
        const session = await serveFastify(hub, checked(options), this.request, this, session => {
          sessions.add(session)
          void session.closed.then(() => sessions.delete(session))
        })
        return session
      })
      // Otherwise it would wait for them.
      app.addHook('preClose', async () => void (await Promise.all([...sessions].map(session => session.shutDown()))))
      done()
    } catch (error) {
      done(error as Error)
    }
  },
  // As fastify-plugin does: what it adds is there in the whole application.
  { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: 'ssecast' }
)

/** Answers a request of Fastify. */
export async function serveFastify(
  hub: BaseHub,
  options: Checked,
  request: FastifyRequest,
  reply: FastifyReply,
  connected: (session: Session) => void
): Promise<Session | undefined> {
  const { raw } = reply
  let session: Session | undefined
  const take = (taken: Session) => {
    session = taken
    connected(taken)
    return options.onConnect?.(taken)
  }
  const host: Host = {
    ...nodeHeads(request.raw, raw),
    context: request,
    takes: () => true,
    isAnswered: () => reply.sent || isSent(raw),
    leave: () => void (reply.sent || reply.hijack()),
    answer(status, headers = [], body) {
      reply.code(status)
      for (const [name, value] of headers) reply.header(name, value)
      reply.send(status === 204 ? undefined : body && Buffer.from(body))
    },
    end(body) {
      reply.send(body && Buffer.from(body))
    },
    whenHeadIsSet(begin) {
      reply.hijack()
      begin()
    },
    fail: error => void attempt(() => request.log.error(error)),
  }
  // What other plugins have set is Fastify's until the head is written, which it does not do here.
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value)
  const outcome = await open(hub, { ...options, onConnect: take }, host)
  if (outcome === 'passed') await answerOther(options, host)
  return session
}
