// What an option's function, or another middleware, has done to the response itself.
import assert from 'node:assert/strict'
import http from 'node:http'
import http2 from 'node:http2'
import { test } from 'node:test'

import Koa from 'koa'
import koa1 from 'koa1'
import Koa2 from 'koa2'
import { createHub, sseMiddleware } from 'ssecast'

import { join } from './support/client.mjs'
import { deferred, eventually } from './support/eventually.mjs'
import { hosts, listen } from './support/hosts.mjs'

const topics = ['t']

/** What reaches the process because no handler took it. */
function unhandled(t) {
  const errors = []
  const note = error => errors.push(error)
  process.on('unhandledRejection', note).on('uncaughtException', note)
  t.after(() => process.off('unhandledRejection', note).off('uncaughtException', note))
  return errors
}

for (const { name, version, start } of hosts) {
  for (const [what, status, options] of [
    ['an authorize that answers 401 and allows nothing', 401, answer => ({ topics, authorize: async context => (await answer(context), false) })],
    ['an authorize that redirects and allows', 302, answer => ({ topics, authorize: async context => (await answer(context), true) })],
    ['topics that answer 204', 204, answer => ({ topics: async context => (await answer(context), []) })],
    ['headers that answer 404', 404, answer => ({ topics, headers: async context => (await answer(context), {}) })],
    ['a lastEventId that answers 410', 410, answer => ({ topics, lastEventId: async context => (await answer(context), '') })],
    ['an authorize that answers 401 and throws', 401, answer => ({
      topics,
      authorize: async context => {
        await answer(context)
        throw new Error('on purpose')
      },
    })],
  ]) {
    test(`${name}: ${what} is left alone`, async t => {
      const errors = unhandled(t)
      t.mock.method(console, 'error', () => {})
      const hub = createHub()
      const answer = async context => {
        await new Promise(setImmediate)
        const response = context.res ?? answer.response
        response.writeHead(status, status === 302 ? { Location: '/login' } : {})
        response.end()
      }
      const { url } = await start(t, hub, options(answer), { before: response => (answer.response = response) })
      for (let round = 0; round < 2; round++) assert.equal((await join(url, { version })).status, status)
      assert.equal(hub.stats().connections, 0)
      await new Promise(setImmediate)
      assert.deepEqual(errors, [])
    })
  }
}

test('what a next of a plain server throws or rejects with ends its stream, and not the process', async t => {
  const errors = unhandled(t)
  const log = t.mock.method(console, 'error', () => {})
  for (const next of [() => { throw new Error('on purpose') }, async () => { throw new Error('on purpose') }]) {
    const hub = createHub()
    const stream = sseMiddleware(hub)
    const { url } = await listen(t, http.createServer((request, response) => stream(request, response, next)))
    const client = await (await join(url)).end()
    assert.equal(client.status, 200)
    assert.equal(hub.stats().disconnects.error, 1)
    assert.equal((await join(url, { method: 'OPTIONS' })).status, 500)
  }
  assert.equal(log.mock.callCount(), 4)
  assert.deepEqual(errors, [])
})

test('an error flow that throws itself is not the end of the process', async t => {
  const errors = unhandled(t)
  t.mock.method(console, 'error', () => { throw new Error('the log is broken') })
  const faults = {
    authorize: () => { throw new Error('on purpose') },
    onConnect: () => { throw new Error('on purpose') },
  }
  for (const [option, fault] of Object.entries(faults)) {
    const stream = sseMiddleware(createHub(), { topics, [option]: fault })
    const next = () => { throw new Error('next, too') }
    const { url } = await listen(t, http.createServer((request, response) => stream(request, response, option === 'onConnect' ? next : undefined)))
    await (await join(url)).end()
  }
  assert.deepEqual(errors, [])
})

const koas = {
  'Koa 1': { Make: koa1, wrap: (before, after) => function* (next) { before(this); yield next; after(this) }, stream: sseMiddleware.koa1 },
  'Koa 2': { Make: Koa2, wrap: (before, after) => async (context, next) => { before(context); await next(); await after(context) }, stream: sseMiddleware },
  'Koa 3': { Make: Koa, wrap: (before, after) => async (context, next) => { before(context); await next(); await after(context) }, stream: sseMiddleware },
}

for (const [name, { Make, wrap, stream }] of Object.entries(koas)) {
  const serve = async (t, use, hub = createHub({ heartbeatMs: null })) => {
    const app = Make === koa1 ? koa1() : new Make()
    const errors = []
    app.on('error', error => errors.push(error))
    use(app, hub)
    return { hub, errors, ...(await listen(t, http.createServer(app.callback()))) }
  }
  const late = context => {
    context.cookies.set('session', 'renewed')
    context.set('X-Response-Time', '1ms')
  }

  for (const [what, options, route] of [
    ['a stream', { topics }],
    ['a session', {}, context => context.sse.subscribe('t')],
    ['a session whose route has Koa respond to nothing', {}, context => {
      context.respond = false
      context.sse.subscribe('t')
    }],
  ]) {
    test(`${name}: what is set after next reaches the client of ${what}`, async t => {
      let status
      const { hub, url, errors } = await serve(t, (app, hub) => {
        app.use(wrap(() => {}, context => (status = context.status)))
        app.use(wrap(() => {}, late))
        app.use(stream(hub, options))
        if (route) app.use(wrap(route, () => {}))
      })
      const client = await join(url)
      assert.equal(client.headers['x-response-time'], '1ms')
      assert.match(client.headers['set-cookie'][0], /^session=renewed/)
      assert.equal(status, 200, 'what others see is the status of the stream')
      hub.publish('t', 'x')
      assert.deepEqual(await client.has(1), ['x'])
      await hub.close()
      await client.end()
      assert.deepEqual(errors, [])
    })
  }

  test(`${name}: what is set after next does not let a cache or a proxy hold the stream back`, async t => {
    const { url } = await serve(t, (app, hub) => {
      app.use(wrap(() => {}, context => context.set({ 'Cache-Control': 'public, max-age=60', 'X-Accel-Buffering': 'yes', 'Content-Type': 'text/plain' })))
      app.use(stream(hub, { topics }))
    })
    const { headers } = await join(url)
    assert.deepEqual(
      [headers['cache-control'], headers['x-accel-buffering'], headers['content-type']],
      ['public, max-age=60, no-cache, no-transform', 'no', 'text/event-stream; charset=utf-8'],
    )
  })

  test(`${name}: what is set after next reaches clients that get no stream`, async t => {
    const hub = createHub({ maxConnections: 1 })
    const { url, errors } = await serve(t, (app, hub) => {
      app.use(wrap(() => {}, late))
      app.use(stream(hub, { topics, authorize: ({ path }) => path !== '/secret' }))
    }, hub)
    await join(url)
    for (const [path, more, status] of [
      ['', { method: 'HEAD' }, 200],
      ['secret', {}, 403],
      ['', { headers: { Accept: '*/*' } }, 503],
      ['', { headers: { Accept: 'text/event-stream' } }, 200],
      ['', { lastEventId: 'ssecast-finished' }, 204],
    ]) {
      const client = await (await join(`${url}${path}`, more)).end()
      assert.equal(client.status, status)
      assert.equal(client.headers['x-response-time'], '1ms', `${status}`)
    }
    assert.deepEqual(errors, [])
    assert.equal(hub.stats().refused, 3, 'HEAD, the 503, and the stream that ends at once')
  })

  test(`${name}: an authorize that answers as Koa does is left alone`, async t => {
    const { hub, url, errors } = await serve(t, (app, hub) => {
      const authorize = context => {
        if (context.path === '/redirect') context.redirect('/login')
        else context.body = 'not now'
        return context.path === '/body'
      }
      app.use(stream(hub, { topics, authorize }))
    })
    const redirected = await join(`${url}redirect`)
    assert.deepEqual([redirected.status, redirected.headers.location], [302, '/login'])
    const answered = await (await join(`${url}body`)).end()
    assert.deepEqual([answered.status, answered.text], [200, 'not now'])
    assert.equal(hub.stats().connections, 0)
    assert.deepEqual(errors, [])
  })

  test(`${name}: a body that others set is not sent in place of the stream`, async t => {
    const { hub, url, errors } = await serve(t, (app, hub) => {
      app.use(wrap(() => {}, context => (context.body = { wrapped: context.body ?? null })))
      app.use(stream(hub, { topics }))
    })
    const client = await join(url)
    assert.match(client.headers['content-type'], /event-stream/)
    assert.equal(client.headers['content-length'], undefined)
    hub.publish('t', 'x')
    assert.deepEqual(await client.has(1), ['x'])
    assert.deepEqual(errors, [])
  })

  test(`${name}: a middleware that fails after next has its error answered, and no stream stays`, async t => {
    const { hub, url, errors } = await serve(t, (app, hub) => {
      app.use(wrap(() => {}, () => { throw new Error('on purpose') }))
      app.use(stream(hub, { topics }))
    })
    assert.equal((await (await join(url)).end()).status, 500)
    await eventually(() => hub.stats().connections === 0, 'the place is free')
    assert.deepEqual(errors.map(error => error.message), ['on purpose'])
    await hub.close()
  })
}

test('Koa: a route that streams itself does not wait for its own end', async t => {
  const gate = deferred()
  const hub = createHub()
  const app = new Koa()
  app.use(sseMiddleware(hub))
  app.use(async context => {
    await context.sse.pipe((async function* () {
      yield 'one'
      await gate.promise
      yield 'two'
    })())
    context.sse.close()
  })
  const { url } = await listen(t, http.createServer(app.callback()))
  const client = await join(url)
  assert.deepEqual(await client.has(1), ['one'])
  gate.resolve()
  assert.deepEqual((await client.end()).data(), ['one', 'two'])
})

test('HTTP/2: after the hub is closed the server closes, also for sessions whose streams had ended before', async t => {
  const hub = createHub({ heartbeatMs: null })
  const sessions = []
  const stream = sseMiddleware(hub, { topics, onConnect: session => sessions.push(session) })
  const page = deferred()
  const { server, url } = await listen(t, http2.createServer((request, response) => {
    if (request.url !== '/page') return stream(request, response)
    page.promise.then(() => response.end('page'))
    response.flushHeaders()
  }))
  const [one, two] = [http2.connect(url), http2.connect(url)]
  const ended = await join(url, { version: 2, session: one })
  await sessions[0].close()
  await ended.end()
  const open = await join(url, { version: 2, session: two })
  const other = await join(`${url}page`, { version: 2, session: two })

  const closed = new Promise(resolve => server.close(resolve))
  await hub.close({ event: { data: 'bye' } })
  assert.deepEqual((await open.end()).data(), ['bye'])
  await eventually(() => one.destroyed && two.closed, 'both clients are told to use another connection')
  assert.equal(other.ended, false, 'what else is under way on the session goes on')
  page.resolve()
  assert.equal((await other.end()).text, 'page')
  await closed
})
