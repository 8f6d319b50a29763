// Each framework with a stream at /stream, as its users write it.
import 'reflect-metadata'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

import { serve as serveHono } from '@hono/node-server'
import { Controller, Get, Headers, Post, Req, Res, Sse } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import Fastify from 'fastify'
import { H3, serve as serveH3 } from 'h3'
import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { createHub, Hub } from 'ssecast'
import { fastifySse } from 'ssecast/fastify'
import { sse as h3Sse } from 'ssecast/h3'
import { sse as honoSse } from 'ssecast/hono'
import { observe, sse as nestSse, SseModule } from 'ssecast/nest'

const built = new URL('../../npm/', import.meta.url)
const addons = readdirSync(built).filter(name => name.endsWith('.node'))
const HOST = '127.0.0.1'
const hubOptions = { retryMs: 20 }
const topicOf = url => [new URL(url, 'http://localhost').searchParams.get('topic') ?? 't']

/** What the tests ask of a host whose hub is in this process. */
const here = (hub, port, close, server) => ({
  url: `http://${HOST}:${port}/stream`,
  publish: async data => hub.publish('t', data),
  connections: async () => hub.stats().connections,
  /** Closes the server. Its streams end by that; what the test's own clients keep open is cut then. */
  async stop(streamsEnded) {
    const closed = close()
    await streamsEnded
    server.closeAllConnections()
    await closed
  },
})

async function fastify() {
  const hub = createHub(hubOptions)
  const app = Fastify()
  await app.register(fastifySse, { hub })
  app.addHook('onRequest', async (request, reply) => void reply.header('X-Before', 'yes'))
  const handler = (request, reply) => reply.sse({ topics: ({ query }) => [query.topic ?? 't'] })
  app.get('/stream', handler)
  app.post('/stream', handler)
  app.get('/refused', (request, reply) => reply.sse({ topics: ['t'], authorize: () => ({ status: 401, headers: { 'X-Why': 'no' }, body: 'Sign in.' }) }))
  await app.listen({ port: 0, host: HOST })
  // Its streams end when it closes.
  return { ...here(hub, app.server.address().port, () => app.close(), app.server), headers: { 'x-before': 'yes' }, hasRefusal: true }
}

async function hono() {
  const hub = createHub(hubOptions)
  const app = new Hono()
  app.use(secureHeaders())
  app.on(['GET', 'POST'], '/stream', honoSse(hub, { topics: c => [c.req.query('topic') ?? 't'] }))
  app.get('/refused', honoSse(hub, { topics: ['t'], authorize: () => ({ status: 401, headers: { 'X-Why': 'no' }, body: 'Sign in.' }) }))
  const server = serveHono({ fetch: app.fetch, port: 0, hostname: HOST })
  await once(server, 'listening')
  const close = async () => {
    await hub.close()
    await new Promise(resolve => server.close(resolve))
  }
  return { ...here(hub, server.address().port, close, server), headers: { 'x-frame-options': 'SAMEORIGIN' }, hasRefusal: true }
}

async function h3() {
  const hub = createHub(hubOptions)
  const app = new H3()
  app.all('/stream', h3Sse(hub, { topics: event => topicOf(event.req.url) }))
  app.get('/refused', h3Sse(hub, { topics: ['t'], authorize: () => ({ status: 401, headers: { 'X-Why': 'no' }, body: 'Sign in.' }) }))
  const server = serveH3(app, { port: 0, hostname: HOST, silent: true })
  await server.ready()
  const close = async () => {
    await hub.close()
    await server.close()
  }
  return { ...here(hub, new URL(server.url).port, close, server.node.server), hasRefusal: true }
}

/** Decorators are functions: this is what TypeScript makes of them. */
function decorate(controller, hub) {
  Controller()(controller)
  Reflect.defineMetadata('design:paramtypes', [hub], controller)
  return controller
}
function method(controller, name, decorators, parameters = []) {
  const descriptor = Object.getOwnPropertyDescriptor(controller.prototype, name)
  decorators.forEach(decorator => decorator(controller.prototype, name, descriptor))
  parameters.forEach((decorator, index) => decorator(controller.prototype, name, index))
}

async function nest(adapter, withObservable) {
  class Observed {
    constructor(hub) {
      this.hub = hub
    }
    stream(lastEventId) {
      return observe(this.hub, 't', { lastEventId })
    }
  }
  class Answered {
    constructor(hub) {
      this.answer = nestSse(hub, { topics: request => topicOf(request.url), methods: ['GET', 'POST'] })
    }
    stream(request, response) {
      return this.answer(request, response)
    }
    post(request, response) {
      return this.answer(request, response)
    }
  }
  if (withObservable) method(Observed, 'stream', [Sse('stream')], [Headers('last-event-id')])
  else {
    method(Answered, 'stream', [Get('stream')], [Req(), Res()])
    method(Answered, 'post', [Post('stream')], [Req(), Res()])
  }
  class AppModule {}
  const controllers = [decorate(withObservable ? Observed : Answered, Hub)]
  const app = await NestFactory.create({ module: AppModule, imports: [SseModule.forRoot(hubOptions)], controllers }, ...(adapter ? [adapter] : []), { logger: false })
  await app.listen(0, HOST)
  const { port } = app.getHttpServer().address()
  return { ...here(app.get(Hub), port, () => app.close(), app.getHttpServer()), hasNoPost: withObservable }
}

/** Next has processes of its own. */
async function next() {
  const require = createRequire(import.meta.url)
  // Not a link: what a link leads to, Next bundles.
  for (const path of ['package.json', 'dist', 'index.mjs', 'index.d.mts', 'native.cjs', 'parser.mjs', 'client.mjs', ...addons]) {
    cpSync(new URL(path, built), new URL(`next/node_modules/ssecast/${path}`, import.meta.url), { recursive: true })
  }
  const port = await freePort()
  const child = spawn(process.execPath, [require.resolve('next/dist/bin/next'), 'dev', '--port', String(port), '--hostname', HOST], {
    cwd: fileURLToPath(new URL('next', import.meta.url)),
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const ready = new Promise((resolve, reject) => {
    const read = data => (output += data).includes('Ready in') && resolve()
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.on('exit', () => reject(new Error(output)))
  })
  await ready
  const base = `http://${HOST}:${port}`
  // It compiles a route at its first request.
  await (await fetch(`${base}/publish`)).json()
  return {
    url: `${base}/stream`,
    publish: async data => (await fetch(`${base}/publish`, { method: 'POST', body: data })).json(),
    connections: async () => (await (await fetch(`${base}/publish`)).json()).connections,
    stop: async () => {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

async function freePort() {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address()
  await new Promise(resolve => server.close(resolve))
  return port
}

export const hosts = {
  Fastify: fastify,
  Hono: hono,
  h3,
  'Nest on Express': () => nest(undefined, false),
  'Nest on Fastify': () => nest(new FastifyAdapter(), false),
  "Nest's @Sse": () => nest(undefined, true),
  Next: next,
}
