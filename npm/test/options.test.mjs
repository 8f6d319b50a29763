// What a middleware is given: checked when it is made, and what functions return at the request.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join as path } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import express from 'express'
import express4 from 'express4'
import Koa from 'koa'
import { createHub, Hub, SsecastError, sseMiddleware } from 'ssecast'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { hosts, listen, serve } from './support/hosts.mjs'

const topics = ['t']
const hub = createHub()
const hosted = hosts.filter(({ plain }) => !plain)

function refuses(make, field, message, code = 'SSECAST_INVALID_OPTION') {
  assert.throws(make, error => {
    assert.ok(error instanceof SsecastError, String(error))
    assert.deepEqual([error.code, error.field], [code, field], error.message)
    assert.match(error.message, message)
    return true
  })
}

for (const [what, given, message] of [
  ['undefined', [undefined, { topics }], /^hub must be what createHub\(\) returned, not undefined/],
  ['undefined alone', [undefined], /not undefined; for a middleware with a hub of its own write sseMiddleware\(\)/],
  ['null', [null, { topics }], /not null/],
  ['null alone', [null], /not null/],
  ['a promise of one', [Promise.resolve(hub), { topics }], /not a promise: await it first/],
  ['the class', [Hub, { topics }], /not the class Hub: write createHub\(\)/],
  ['the function', [createHub, { topics }], /not a function: write createHub\(\)/],
  ['a copy of one', [{ ...hub }, { topics }], /another copy of ssecast/],
  ['an object on one', [Object.assign(Object.create({}), hub), { topics }], /another copy of ssecast/],
  ['an option', [{ hub, topics }], /first argument: write sseMiddleware\(hub, options\)/],
  ['the second', [{ topics }, hub], /comes first/],
  ['options, and there are options', [{ topics }, { topics }], /not an object/],
  ['topics', [topics], /not an array/],
  ['a topic', ['t'], /not "t"/],
  ['a number', [5, { topics }], /not 5/],
  ['a Map', [new Map(), { topics }], /not a Map/],
  ['a request', [new http.IncomingMessage(null)], /not a request/]
]) {
  for (const make of [sseMiddleware, sseMiddleware.koa1]) {
    test(`a hub that is ${what} is an error of ${make.name} when the middleware is made`, () => {
      refuses(() => make(...given), 'hub', message)
    })
  }
}

test('a middleware without a hub makes one, if nothing or options alone are given', () => {
  for (const given of [[], [{}], [{ topics }], [{ topics }, undefined]]) assert.ok(sseMiddleware(...given).hub instanceof Hub)
  assert.equal(sseMiddleware(hub, undefined).hub, hub)
})

test('a hub of another copy of the package is an error that says so', async t => {
  const folder = mkdtempSync(path(tmpdir(), 'ssecast-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const own = fileURLToPath(new URL('..', import.meta.url))
  cpSync(own, path(folder, 'copy'), { recursive: true, filter: from => !/node_modules|test|src/.test(from.slice(own.length)) })
  const other = await import(path(folder, 'copy', 'index.mjs'))
  refuses(() => sseMiddleware(other.createHub(), { topics }), 'hub', /another copy of ssecast/)
})

for (const [option, field, message, code] of [
  [{ topic: topics }, 'topic', /is unknown; known are topics/],
  [{ topics: 't' }, 'topics', /must be an array of strings, such as \['ticks'\], not "t"/, 'SSECAST_INVALID_TOPIC'],
  [{ topics: [1] }, 'topics', /item 0 is 1/, 'SSECAST_INVALID_TOPIC'],
  [{ topics: ['a', ['b']] }, 'topics', /item 1 is an array/, 'SSECAST_INVALID_TOPIC'],
  [{ topics: [undefined] }, 'topics', /item 0 is undefined/, 'SSECAST_INVALID_TOPIC'],
  [{ topics: new Array(1) }, 'topics', /item 0 is undefined/, 'SSECAST_INVALID_TOPIC'],
  [{ topics: [''] }, 'topics', /item 0 that must not be empty/, 'SSECAST_INVALID_TOPIC'],
  [{ topics: ['a', 'x'.repeat(257)] }, 'topics', /item 1 that /, 'SSECAST_INVALID_TOPIC'],
  [{ topics: new Set(topics) }, 'topics', /not a Set/, 'SSECAST_INVALID_TOPIC'],
  [{ topics: { 0: 't' } }, 'topics', /not an object/, 'SSECAST_INVALID_TOPIC'],
  [{ topics: Promise.resolve(topics) }, 'topics', /not a promise/, 'SSECAST_INVALID_TOPIC'],
  [{ topics: null }, 'topics', /not null/, 'SSECAST_INVALID_TOPIC'],
  [{ topics: true }, 'topics', /not true/, 'SSECAST_INVALID_TOPIC'],
  [{ authorize: true }, 'authorize', /must be a function, not true/],
  [{ authorize: null }, 'authorize', /not null/],
  [{ authorize: Promise.resolve(true) }, 'authorize', /not a promise/],
  [{ onConnect: 5 }, 'onConnect', /must be a function, not 5/],
  [{ lastEventId: '5' }, 'lastEventId', /must be a function, not "5"/],
  [{ release: 'yes' }, 'release', /must be true or false, not "yes"/],
  [{ methods: 'POST' }, 'methods', /must be an array such as \['GET', 'POST'\], not "POST"/],
  [{ methods: [] }, 'methods', /not \[\]/],
  [{ methods: ['post'] }, 'methods', /not \["post"\]/],
  [{ methods: ['OPTIONS'] }, 'methods', /not \["OPTIONS"\]/],
  [{ headers: 'X-Mine: yes' }, 'headers', /must have pairs|must be an object/],
  [{ headers: null }, 'headers', /not null/],
  [{ headers: Promise.resolve({}) }, 'headers', /not a promise/],
  [{ headers: ['X-Mine', 'yes'] }, 'headers', /pairs of a name and a value, not "X-Mine"/],
  [{ headers: { 'X-Mine': undefined } }, 'headers', /strings as values; that of X-Mine is undefined/],
  [{ headers: { 'X-Mine': true } }, 'headers', /that of X-Mine is true/],
  [{ headers: { 'X Mine': 'yes' } }, 'headers', /"X Mine" with the value "yes" is not/],
  [{ headers: { '': 'yes' } }, 'headers', /is not$/],
  [{ headers: { ':status': '500' } }, 'headers', /is not$/],
  [{ headers: { 'X-Mine': 'a\r\nSet-Cookie: b' } }, 'headers', /is not$/],
  [{ headers: { 'X-Mine': 'snow ☃' } }, 'headers', /is not$/],
  [{ headers: new Map([['X-Mine', ['a', 'b\n']]]) }, 'headers', /is not$/],
  [{ headers: new Map([[5, 'a']]) }, 'headers', /names that are strings, not 5/],
  [{ headers: { 'Content-Type': 'text/html' } }, 'headers', /must not have Content-Type: text\/html/],
  [{ headers: { 'content-length': '5' } }, 'headers', /must not have content-length/],
  [{ headers: { 'Content-Encoding': 'gzip' } }, 'headers', /must not have Content-Encoding/],
  [{ headers: { 'Transfer-Encoding': 'gzip' } }, 'headers', /must not have Transfer-Encoding/],
  [{ headers: { 'X-Accel-Buffering': 'yes' } }, 'headers', /must not have X-Accel-Buffering/],
  [{ cors: true, headers: { 'access-control-allow-origin': '*' } }, 'headers', /cors says what it is/]
]) {
  const shown = Object.entries(option).map(([name, value]) => `${name}: ${JSON.stringify(value) ?? value}`)
  test(`{ ${shown.join(', ')} } is an error of ${field} when the middleware is made`, () => {
    for (const make of [sseMiddleware, sseMiddleware.koa1]) refuses(() => make(hub, { topics, ...option }), field, message, code)
  })
}

for (const options of [topics, 't', null, 5, true, Promise.resolve({}), new Map(), () => topics, hub]) {
  test(`options that are ${String(options)} are an error when the middleware is made`, () => {
    assert.throws(() => sseMiddleware(hub, options), { code: 'SSECAST_INVALID_OPTION' })
  })
}

test('topics that change later change nothing', async t => {
  const given = ['t']
  const own = createHub()
  const { url } = await serve(t, own, { topics: given })
  given.push('u', 5)
  await join(url)
  assert.deepEqual([own.publish('t', 1).subscribers, own.publish('u', 1).subscribers], [1, 0])
})

for (const [what, option, field, message, code = 'SSECAST_INVALID_OPTION'] of [
  ['topics() returns nothing', { topics: () => {} }, 'topics', /must return an array of strings, such as \['ticks'\], not undefined/, 'SSECAST_INVALID_TOPIC'],
  ['topics() returns a status', { topics: () => 403 }, 'topics', /not 403/, 'SSECAST_INVALID_TOPIC'],
  ['topics() returns a topic, late', { topics: async () => 't' }, 'topics', /not "t"/, 'SSECAST_INVALID_TOPIC'],
  ['topics() returns what is no topic', { topics: () => ['a', 5] }, 'topics', /item 1 is 5/, 'SSECAST_INVALID_TOPIC'],
  ['authorize() returns a user', { authorize: () => ({ id: 1 }) }, 'authorize', /must return true, false, a status such as 401, or \{ status, headers, body \}, not an object/],
  ['authorize() returns 1', { authorize: async () => 1 }, 'status', /must be from 400 to 599, or 204, or 301, 302, 303, 307 or 308 with a Location, not 1$/],
  ['authorize() returns 200', { authorize: () => ({ status: 200 }) }, 'status', /not 200$/],
  ['authorize() returns half a redirect', { authorize: () => 302 }, 'headers', /must have a Location with the status 302/],
  ['authorize() returns a misspelt refusal', { authorize: () => ({ status: 401, header: {} }) }, 'header', /is unknown; known are status, headers, body/],
  ['authorize() returns a large body', { authorize: () => ({ status: 401, body: 'x'.repeat(65537) }) }, 'body', /at most 65536 bytes, not 65537/],
  ['authorize() returns a body for 204', { authorize: () => ({ status: 204, body: 'x' }) }, 'body', /must be left out/],
  ['authorize() returns an object as body', { authorize: () => ({ status: 401, body: {} }) }, 'body', /must be a string or bytes, not an object/],
  ['authorize() returns a length', { authorize: () => ({ status: 401, headers: { 'Content-Length': 1 } }) }, 'headers', /must not have Content-Length, which the server sends itself/],
  ['authorize() returns nothing', { authorize: () => {} }, 'authorize', /not undefined/],
  ['headers() returns null', { headers: () => null }, 'headers', /must return an object such as \{ 'X-Mine': 'yes' \}, Headers or a Map, not null/],
  ['headers() returns a bad name', { headers: async () => ({ 'a b': 'c' }) }, 'headers', /"a b" with the value "c" is not/],
  ['headers() returns a bad value', { headers: () => ({ a: 'b\nc' }) }, 'headers', /is not$/],
  ['headers() returns what is the stream\'s', { headers: () => ({ 'Content-Length': 0 }) }, 'headers', /must not have Content-Length/]
]) {
  test(`${what}: an error of ${field} reaches the host, and no stream begins`, async t => {
    for (const { name, start } of hosted) {
      const own = createHub()
      const { url, errors } = await start(t, own, { topics, ...option })
      const { status, headers } = await join(url)
      assert.equal(status, 500, name)
      assert.doesNotMatch(headers['content-type'] ?? '', /event-stream/)
      assert.deepEqual([errors[0].code, errors[0].field], [code, field], errors[0].message)
      assert.match(errors[0].message, message)
      assert.equal(own.stats().connections, 0)
    }
  })
}

for (const name of ['authorize', 'topics', 'headers', 'lastEventId']) {
  test(`what ${name}() returns that has answered by itself means nothing`, async t => {
    for (const { name: host, start } of hosted) {
      if (host.startsWith('Koa')) continue
      for (const value of [undefined, 'nothing of use', 5]) {
        const own = createHub()
        const answer = async request => (request.res.status(401).end('mine'), value)
        const { url, errors } = await start(t, own, { topics, [name]: answer })
        const client = await (await join(url)).end()
        assert.deepEqual([client.status, client.text, errors.length], [401, 'mine', 0], host)
        assert.equal(own.stats().connections, 0)
      }
    }
  })
}

for (const [what, headers] of [
  ['an object', { 'X-Mine': 'yes', 'X-Number': 5, 'X-List': ['a', 'b'], 'Set-Cookie': ['a=1', 'b=2'] }],
  ['Headers', new Headers([['X-Mine', 'yes'], ['X-Number', '5'], ['X-List', 'a'], ['X-List', 'b'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']])],
  ['a Map', new Map([['X-Mine', 'yes'], ['X-Number', '5'], ['X-List', ['a', 'b']], ['Set-Cookie', ['a=1', 'b=2']]])],
  ['pairs', [['X-Mine', 'yes'], ['X-Number', 5], ['X-List', 'a'], ['x-list', 'b'], ['Set-Cookie', 'a=1'], ['set-cookie', 'b=2']]]
]) {
  test(`headers may be ${what}, or what a function returns of it, async too`, async t => {
    for (const option of [headers, () => headers, async () => headers]) {
      for (const { name, start, version } of hosts) {
        const answer = await join((await start(t, createHub(), { topics, headers: option })).url, { version })
        assert.equal(answer.headers['x-mine'], 'yes', name)
        assert.equal(answer.headers['x-number'], '5')
        assert.equal(answer.headers['x-list'], 'a, b')
        assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2'])
      }
    }
  })
}

test('headers that say what a stream says anyway are fine', async t => {
  const headers = { 'content-type': 'text/event-stream', 'X-Accel-Buffering': 'no', Connection: 'keep-alive', 'Cache-Control': 'no-cache' }
  const { url } = await serve(t, createHub(), { topics, headers })
  const answer = (await join(url)).headers
  assert.equal(answer['content-type'], 'text/event-stream; charset=utf-8')
  assert.equal(answer['cache-control'], 'no-cache, no-transform')
})

for (const [before, headers, wanted] of [
  [undefined, {}, 'no-cache, no-transform'],
  ['private, no-store', {}, 'private, no-store, no-transform'],
  [undefined, { 'Cache-Control': 'private, no-store' }, 'private, no-store, no-transform'],
  [undefined, { 'cache-control': 'no-store, no-transform' }, 'no-store, no-transform'],
  ['no-store', { 'Cache-Control': 'private' }, 'no-store, private, no-transform'],
  ['public, max-age=3600', {}, 'public, max-age=3600, no-cache, no-transform'],
  [['private', 'no-store'], {}, 'private, no-store, no-transform']
]) {
  test(`Cache-Control ${before ?? '-'} before, and ${JSON.stringify(headers)}, is ${wanted}`, async t => {
    for (const { name, start, version } of hosts) {
      const earlier = { before: response => before && response.setHeader('Cache-Control', before) }
      for (const option of [headers, async () => headers]) {
        const { url } = await start(t, createHub(), { topics, headers: option }, earlier)
        assert.equal((await join(url, { version })).headers['cache-control'], wanted, name)
      }
    }
  })
}

test('a last event ID may come late, and nothing that a query makes of it is an error', async t => {
  const own = createHub()
  const { id } = own.publish('t', 'seen')
  own.publish('t', 'missed')
  const is = async (value, what, check) => {
    for (const lastEventId of [() => value, async () => value]) {
      const { url } = await serve(t, own, { topics, lastEventId })
      const client = await join(url)
      assert.equal(client.status, 200)
      await eventually(() => check(client), what)
      client.cut()
    }
  }
  for (const value of [id, [id, 'other'], [[id]]]) await is(value, 'a resume', client => client.data()[0] === 'missed')
  // Nothing else can be the id of an event, and the client is told so.
  for (const value of [{ a: id }, Object.create(null), Symbol('id'), 5, true, '\0\ud800', [{}]]) {
    await is(value, 'a reset', client => client.resets[0]?.reason === 'unknown')
  }
  for (const value of ['', undefined, null, []]) {
    await is(value, 'a new stream', client => client.comments.length + client.retries.length > 0)
  }
})

for (const [name, make] of Object.entries({ 'Express 4': express4, 'Express 5': express })) {
  test(`in ${name} a route for POST gets a session, and with topics a stream`, async t => {
    const app = make()
    const own = createHub()
    const send = (request, response) => (request.sse.send(request.method), response.sse.close())
    app.post('/session', sseMiddleware(), send)
    app.put('/session', sseMiddleware(own), send)
    app.all('/all', sseMiddleware(), send)
    app.post('/topics', sseMiddleware(own, { topics }))
    app.use('/use', sseMiddleware(own, { topics }), (request, response) => response.end('mine'))
    const { url } = await listen(t, http.createServer(app))
    for (const [method, route] of [['POST', 'session'], ['PUT', 'session'], ['GET', 'all'], ['PATCH', 'all']]) {
      const client = await (await join(url + route, { method })).end()
      assert.deepEqual([client.status, client.data()], [200, [method]])
    }
    const client = await join(`${url}topics`, { method: 'POST' })
    assert.equal(own.publish('t', 'x').subscribers, 1)
    assert.deepEqual(await client.has(1), ['x'])
    assert.equal((await (await join(`${url}use`, { method: 'POST' })).end()).text, 'mine')
  })
}

test('methods says which get a stream; the others are left alone, or refused by what comes last', async t => {
  const { url } = await serve(t, createHub(), { topics, methods: ['POST'], cors: true })
  assert.equal((await join(url, { method: 'POST' })).headers['content-type'], 'text/event-stream; charset=utf-8')
  for (const method of ['GET', 'HEAD', 'DELETE']) {
    const { status, headers } = await join(url, { method })
    assert.deepEqual([status, headers.allow], [405, 'POST, OPTIONS'])
  }
  const ask = method => join(url, { method: 'OPTIONS', headers: { Origin: 'https://a.example', 'Access-Control-Request-Method': method } })
  assert.equal((await ask('POST')).headers['access-control-allow-methods'], 'POST, OPTIONS')
  assert.equal((await ask('GET')).headers['access-control-allow-methods'], undefined)
})

test('OPTIONS gets no session, and HEAD the head alone', async t => {
  const own = createHub()
  const { url } = await serve(t, own, {})
  const options = await join(url, { method: 'OPTIONS' })
  assert.deepEqual([options.status, options.headers.allow], [204, 'GET, HEAD, OPTIONS'])
  const head = await (await join(url, { method: 'HEAD' })).end()
  assert.deepEqual([head.status, head.text, own.stats().connections], [200, '', 0])
})

test('a client that a POST is refused for want of room gets the status, whatever it accepts', async t => {
  const { url } = await serve(t, createHub({ maxConnections: 1 }), { topics, methods: ['GET', 'POST'] })
  await join(url)
  assert.equal((await join(url, { method: 'POST' })).status, 503)
  assert.equal((await join(url)).status, 200)
})

test("what is called with another server's request and response says so", async () => {
  const middleware = sseMiddleware(hub, { topics })
  const raw = { raw: {}, headers: {}, method: 'GET' }
  for (const given of [[raw, { raw: {} }], [new Request('http://localhost'), new Response()], [new Koa().createContext({ headers: {} }, {})], [{}, () => {}], []]) {
    await assert.rejects(async () => middleware(...given), { code: 'SSECAST_INVALID_OPTION', message: /node:http|hub.response|ssecast\// })
  }
  // Where a framework's own adapter is meant, it is named.
  for (const [given, message] of [
    [[{ req: { raw: new Request('http://localhost') } }, () => {}], /a request of Hono, which is for sse\(hub, options\) of 'ssecast\/hono'/],
    [[{ raw: {}, routeOptions: {} }, {}], /reply\.sse\(options\) of 'ssecast\/fastify'/],
    [[new Request('http://localhost'), {}], /hub\.response\(request, options\)/],
  ]) {
    await assert.rejects(async () => middleware(...given), { message })
  }
})

test('authorize answers a status, a redirect, headers and a body, and CORS lets a page read them', async t => {
  for (const { name, start } of hosted) {
    for (const [answered, status, text, expected] of [
      [401, 401, 'Unauthorized', {}],
      [{ status: 401, headers: { 'WWW-Authenticate': 'Bearer' }, body: 'Sign in first.' }, 401, 'Sign in first.', { 'www-authenticate': 'Bearer', 'content-type': 'text/plain; charset=utf-8' }],
      [{ status: 307, headers: [['Location', '/login'], ['Set-Cookie', ['a=1', 'b=2']]] }, 307, 'Temporary Redirect', { location: '/login', 'set-cookie': 'a=1, b=2' }],
      [{ status: 403, headers: { 'Content-Type': 'application/json' }, body: new TextEncoder().encode('{}') }, 403, '{}', { 'content-type': 'application/json' }],
      [{ status: 204, headers: { 'X-Why': 'over' } }, 204, '', { 'x-why': 'over' }],
    ]) {
      const { url } = await start(t, createHub(), { topics, cors: ['https://app.example'], authorize: async () => answered })
      const response = await fetch(url, { redirect: 'manual', headers: { Origin: 'https://app.example' } })
      assert.deepEqual([response.status, await response.text()], [status, text], name)
      for (const [header, value] of Object.entries({ ...expected, 'access-control-allow-origin': 'https://app.example' })) {
        assert.equal(response.headers.get(header), value, `${name}: ${header}`)
      }
    }
  }
})
