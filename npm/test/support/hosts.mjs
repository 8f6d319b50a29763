import { readFileSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'

import express from 'express'
import express4 from 'express4'
import Koa from 'koa'
import koa1 from 'koa1'
import Koa2 from 'koa2'
import { sseMiddleware } from 'ssecast'

/** A self-signed certificate of localhost and its key, for tests alone. */
export const certificate = readFileSync(new URL('localhost.pem', import.meta.url))

/** Listens on any free port; ends with the test. */
export async function listen(t, server, scheme = 'http') {
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const sockets = new Set()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  t.after(() => {
    server.close()
    sockets.forEach(socket => socket.destroy())
  })
  return { server, url: `${scheme}://127.0.0.1:${server.address().port}/` }
}

/** A plain server of one hub. */
export function serve(t, hub, options = { topics: ['t'] }) {
  return listen(t, http.createServer(sseMiddleware(hub, options)))
}

/**
 * Every host that the middleware serves in. `start` makes a server with the middleware; it gives what `listen`
 * gives, and `errors`: those that reached the host's own error flow. `before` is run with each response, as another
 * middleware would; `after` is the route behind, run with the request and the response.
 */
export const hosts = [
  { name: 'Express 4', start: (t, ...rest) => startExpress(t, express4, ...rest) },
  { name: 'Express 5', start: (t, ...rest) => startExpress(t, express, ...rest) },
  { name: 'Koa 1', start: startKoa1 },
  { name: 'Koa 2', start: (t, ...rest) => startKoa(t, Koa2, ...rest) },
  { name: 'Koa 3', start: (t, ...rest) => startKoa(t, Koa, ...rest) },
  { name: 'http', plain: true, start: (t, ...rest) => startPlain(t, http.createServer, 'http', ...rest) },
  { name: 'https', plain: true, start: (t, ...rest) => startPlain(t, secure(https.createServer), 'https', ...rest) },
  { name: 'http2', plain: true, version: 2, start: (t, ...rest) => startPlain(t, secure(http2.createSecureServer), 'https', ...rest) },
  { name: 'http2 without TLS', plain: true, version: 2, start: (t, ...rest) => startPlain(t, http2.createServer, 'http', ...rest) }
]

function secure(create) {
  return listener => create({ key: certificate, cert: certificate }, listener)
}

async function startExpress(t, make, hub, options, { before, after } = {}) {
  const app = make()
  const errors = []
  if (before) app.use((request, response, next) => (before(response), next()))
  app.use(sseMiddleware(hub, options))
  if (after) app.use((request, response) => after(request, response))
  app.use((error, request, response, next) => {
    errors.push(error)
    if (response.headersSent) next(error)
    else response.status(500).end('a page of the application')
  })
  return { ...(await listen(t, http.createServer(app))), errors }
}

async function startKoa(t, Make, hub, options, { before, after } = {}) {
  const app = new Make()
  const errors = []
  app.on('error', error => errors.push(error))
  if (before) app.use((context, next) => (before(context.res), next()))
  app.use(sseMiddleware(hub, options))
  if (after) app.use(context => {
      context.respond = false
      context.status = 200
      after(context.req, context.res, context)
    })
  return { ...(await listen(t, http.createServer(app.callback()))), errors }
}

async function startKoa1(t, hub, options, { before, after } = {}) {
  const app = koa1()
  const errors = []
  app.on('error', error => errors.push(error))
  if (before) {
    app.use(function* (next) {
      before(this.res)
      yield next
    })
  }
  app.use(sseMiddleware.koa1(hub, options))
  if (after) {
    app.use(function* () {
      this.respond = false
      this.status = 200
      after(this.req, this.res, this)
    })
  }
  return { ...(await listen(t, http.createServer(app.callback()))), errors }
}

async function startPlain(t, create, scheme, hub, options, { before, after } = {}) {
  const middleware = sseMiddleware(hub, options)
  const server = create((request, response) => {
    before?.(response)
    middleware(request, response, after && (() => after(request, response)))
  })
  return { ...(await listen(t, server, scheme)), errors: [] }
}
