// Pages of other origins: the middleware and the listener answer them alike.
import assert from 'node:assert/strict'
import http from 'node:http'
import { test } from 'node:test'

import cors from 'cors'
import express from 'express'
import { createHub, SsecastError, sseMiddleware } from 'ssecast'

import { join } from './support/client.mjs'
import { deferred, eventually } from './support/eventually.mjs'
import { hosts, listen, serve } from './support/hosts.mjs'

const topics = ['t']
const APP = 'https://app.example'
const EVIL = 'https://evil.example'
const NOBODY = [undefined, undefined]

const endpoints = {
  middleware: async (t, options, hub = createHub()) => (await serve(t, hub, options)).url,
  async listener(t, options, hub = createHub()) {
    const { port } = await hub.listen(options)
    t.after(() => hub.close({ graceMs: 0 }))
    return `http://127.0.0.1:${port}/`
  }
}

function allowed({ headers }) {
  return [headers['access-control-allow-origin'], headers['access-control-allow-credentials']]
}

/** What a page of an origin may read, of a stream, a refusal and a preflight, which must be the same. */
async function ask(url, Origin) {
  const headers = Origin === undefined ? {} : { Origin }
  const stream = await join(url, { headers })
  const preflight = await join(url, { method: 'OPTIONS', headers: { ...headers, 'Access-Control-Request-Method': 'GET' } })
  assert.equal(preflight.status, 204)
  assert.deepEqual(allowed(preflight), allowed(stream))
  assert.equal(preflight.headers.vary, stream.headers.vary)
  stream.cut()
  return [...allowed(stream), stream.headers.vary]
}

for (const [name, start] of Object.entries(endpoints)) {
  for (const [option, origin, ...answer] of [
    [undefined, APP, ...NOBODY, undefined],
    [false, APP, ...NOBODY, undefined],
    [true, APP, '*', undefined, undefined],
    ['*', undefined, '*', undefined, undefined],
    [{ origin: true, credentials: false }, APP, '*', undefined, undefined],
    [{ origin: '*' }, 'null', '*', undefined, undefined],
    [APP, APP, APP, undefined, 'Origin'],
    [APP, EVIL, ...NOBODY, 'Origin'],
    [APP, undefined, ...NOBODY, 'Origin'],
    [APP, 'null', ...NOBODY, 'Origin'],
    [APP, `${APP}/`, ...NOBODY, 'Origin'],
    [APP, `${APP}.evil.example`, ...NOBODY, 'Origin'],
    [APP, 'https://APP.example', ...NOBODY, 'Origin'],
    [APP, `${APP}, ${EVIL}`, ...NOBODY, 'Origin'],
    [APP, '*', ...NOBODY, 'Origin'],
    ['null', 'null', 'null', undefined, 'Origin'],
    ['null', EVIL, ...NOBODY, 'Origin'],
    [['https://other.example', APP], APP, APP, undefined, 'Origin'],
    [['https://other.example', APP], EVIL, ...NOBODY, 'Origin'],
    [{ origin: [APP], credentials: true }, APP, APP, 'true', 'Origin'],
    [{ origin: APP, credentials: true }, EVIL, ...NOBODY, 'Origin']
  ]) {
    test(`${name}: cors ${JSON.stringify(option)} answers ${origin ?? 'no origin'} with ${answer[0] ?? 'nothing'}`, async t => {
      const url = await start(t, { topics, ...(option === undefined ? {} : { cors: option }) })
      if (option) assert.deepEqual(await ask(url, origin), answer)
      else assert.deepEqual(allowed(await join(url, { headers: { Origin: origin } })), NOBODY)
    })
  }

  for (const [option, field] of [
    [{}, 'cors.origin'],
    [{ credentials: true }, 'cors.origin'],
    [{ origin: undefined, credentials: true }, 'cors.origin'],
    [{ origin: false }, 'cors.origin'],
    [{ origin: null }, 'cors.origin'],
    [{ origin: /\.app\.example$/ }, 'cors.origin'],
    [{ origin: { origin: APP } }, 'cors.origin'],
    [{ origin: [] }, 'cors.origin'],
    [{ origin: '' }, 'cors.origin'],
    [{ origins: [APP] }, 'cors.origins'],
    [{ origin: APP, methods: ['GET'] }, 'cors.methods'],
    [{ origin: APP, credentials: 'yes' }, 'cors.credentials'],
    [{ origin: APP, maxAgeMs: -1 }, 'cors.maxAgeMs'],
    [{ origin: '*', credentials: true }, 'cors.credentials'],
    [{ origin: true, credentials: true }, 'cors.credentials'],
    [{ origin: 'null', credentials: true }, 'cors.origin'],
    [{ origin: [APP, 'null'], credentials: true }, 'cors.origin'],
    [{ origin: [APP, '*'] }, 'cors.origin'],
    [[], 'cors'],
    [[APP, '*'], 'cors.origin'],
    [['*'], 'cors.origin'],
    [[APP, undefined], 'cors'],
    [[true], 'cors'],
    [[[APP]], 'cors'],
    [/app/, 'cors'],
    [new URL(APP), 'cors'],
    [Promise.resolve(true), 'cors'],
    [new Map([['origin', APP]]), 'cors'],
    [new Set([APP]), 'cors'],
    [1, 'cors'],
    [0, 'cors'],
    ['', 'cors.origin'],
    ['true', 'cors.origin'],
    ['app.example', 'cors.origin'],
    [`${APP}/`, 'cors.origin'],
    [`${APP}/path`, 'cors.origin'],
    [`${APP}:443`, 'cors.origin'],
    ['https://App.example', 'cors.origin'],
    ['https://*.example', 'cors.origin'],
    [`${APP},${EVIL}`, 'cors.origin'],
    ['Null', 'cors.origin']
  ]) {
    const shown = JSON.stringify(option, (_, value) => (value instanceof RegExp ? String(value) : value === undefined ? 'undefined' : value))
    test(`${name}: cors ${shown} means nothing, or too much, and is refused when it is made`, async t => {
      await assert.rejects(async () => start(t, { topics, cors: option }), error => {
        assert.ok(error instanceof SsecastError, String(error))
        // An array is refused as such, or for one of its items.
        assert.deepEqual([error.code, error.field.replace(/^cors\.origin$/, field)], ['SSECAST_INVALID_OPTION', field], error.message)
        return true
      })
    })
  }
}

for (const { name, start, version } of hosts) {
  test(`${name} answers a preflight, and lets a page read what it is refused`, async t => {
    const options = { topics, cors: { origin: APP, credentials: true, maxAgeMs: 60_000 }, authorize: () => false }
    const { url } = await start(t, createHub(), options)
    const headers = { Origin: APP, 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'authorization' }
    const preflight = await (await join(url, { method: 'OPTIONS', headers, version })).end()
    assert.equal(preflight.status, 204)
    assert.deepEqual(allowed(preflight), [APP, 'true'])
    assert.equal(preflight.headers['access-control-allow-methods'], 'GET, HEAD, OPTIONS')
    assert.match(preflight.headers['access-control-allow-headers'], /Authorization/)
    assert.equal(preflight.headers['access-control-max-age'], '60')
    for (const method of ['GET', 'HEAD']) {
      const refused = await join(url, { method, headers: { Origin: APP }, version })
      assert.equal(refused.status, 403)
      assert.deepEqual(allowed(refused), [APP, 'true'])
      assert.equal(refused.headers.vary, 'Origin')
      assert.deepEqual(allowed(await join(url, { method, headers: { Origin: EVIL }, version })), NOBODY)
    }
  })

  test(`${name} lets a page read that there is no room, or nothing for it`, async t => {
    const hub = createHub({ maxConnections: 1 })
    const { url } = await start(t, hub, { topics, cors: APP })
    await join(url, { version })
    for (const Accept of ['text/event-stream', '*/*']) {
      assert.deepEqual(allowed(await join(url, { headers: { Accept, Origin: APP }, version })), [APP, undefined])
    }
    const finished = await join(url, { headers: { Origin: APP }, lastEventId: 'ssecast-finished', version })
    assert.deepEqual([finished.status, ...allowed(finished)], [204, APP, undefined])
  })
}

test('without a next, a method that is not allowed may be read, too', async t => {
  const { url } = await serve(t, createHub(), { topics, cors: APP })
  const refused = await join(url, { method: 'DELETE', headers: { Origin: APP } })
  assert.deepEqual([refused.status, refused.headers.allow, ...allowed(refused)], [405, 'GET, HEAD, OPTIONS', APP, undefined])
})

test('a preflight for what gets no stream is not answered', async t => {
  const app = express().use(sseMiddleware(createHub(), { topics, cors: true }))
  app.options('/', (request, response) => response.status(299).end())
  const { url } = await listen(t, http.createServer(app))
  const ask = headers => join(url, { method: 'OPTIONS', headers: { Origin: APP, ...headers } })
  assert.equal((await ask({ 'Access-Control-Request-Method': 'GET' })).status, 204)
  assert.equal((await ask({ 'Access-Control-Request-Method': 'PUT' })).status, 299)
  assert.equal((await ask({})).status, 299)
})

test('a function decides on each origin, also later', async t => {
  const asked = []
  const decide = async (origin, request) => {
    asked.push([origin, request.url])
    return origin === APP
  }
  for (const option of [decide, { origin: decide, credentials: true }]) {
    const { url } = await serve(t, createHub(), { topics, cors: option })
    const credentials = option === decide ? undefined : 'true'
    assert.deepEqual(await ask(`${url}a`, APP), [APP, credentials, 'Origin'])
    assert.deepEqual(await ask(url, EVIL), [...NOBODY, 'Origin'])
    assert.deepEqual(asked.splice(0), [[APP, '/a'], [APP, '/a'], [EVIL, '/'], [EVIL, '/']])
    assert.deepEqual(await ask(url), [...NOBODY, 'Origin'])
    assert.deepEqual(asked, [])
  }
})

for (const [what, decide, code] of [
  ['throws', () => { throw new RangeError('on purpose') }],
  ['rejects', () => Promise.reject(new RangeError('on purpose'))],
  ['returns the origin', origin => origin, 'SSECAST_INVALID_OPTION'],
  ['returns nothing', () => {}, 'SSECAST_INVALID_OPTION'],
  ['returns 1, late', async () => 1, 'SSECAST_INVALID_OPTION']
]) {
  test(`a function that ${what} allows no origin, and its error reaches the host`, async t => {
    const hub = createHub()
    for (const { name, start, plain, version } of hosts) {
      if (plain) continue
      const { url, errors } = await start(t, hub, { topics, cors: { origin: decide, credentials: true } })
      const client = await join(url, { headers: { Origin: EVIL }, version })
      assert.equal(client.status, 500, name)
      assert.deepEqual(allowed(client), NOBODY)
      assert.equal(errors[0].code, code)
      if (code) assert.match(errors[0].message, /^cors must return true or false, not /)
    }
    assert.equal(hub.stats().connections, 0)
  })
}

test('a client that leaves while the function decides is never registered', async t => {
  const [asked, answer] = [deferred(), deferred()]
  const hub = createHub()
  let authorized = 0
  const { url } = await serve(t, hub, { topics, cors: () => (asked.resolve(), answer.promise), authorize: () => !!++authorized })
  const controller = new AbortController()
  const leaving = join(url, { headers: { Origin: APP }, signal: controller.signal })
  await asked.promise
  controller.abort()
  await assert.rejects(leaving)
  const server = await join(url)
  await eventually(() => hub.stats().connections === 1, 'another client')
  answer.resolve(true)
  await answer.promise
  server.cut()
  await eventually(() => hub.stats().connections === 0, 'no connection')
  assert.equal(authorized, 1)
})

test('what others allowed before does not stay beside the option', async t => {
  const app = express().use(cors({ origin: true, credentials: true }))
  app.get('/', sseMiddleware(createHub(), { topics, cors: APP }))
  const { url } = await listen(t, http.createServer(app))
  const ask = async Origin => allowed(await join(url, { headers: { Origin } }))
  assert.deepEqual(await ask(APP), [APP, undefined])
  assert.deepEqual(await ask(EVIL), NOBODY)
})

test('Vary keeps what it had, and names the origin once', async t => {
  const before = value => response => response.setHeader('Vary', value)
  const plain = hosts.find(({ name }) => name === 'http')
  for (const [value, headers, vary] of [
    ['Accept-Encoding', {}, 'Accept-Encoding, Origin'],
    ['accept, ORIGIN', {}, 'accept, ORIGIN'],
    [['Accept', 'Cookie'], {}, 'Accept, Cookie, Origin'],
    ['*', {}, '*'],
    ['Accept', { Vary: 'Cookie, Accept' }, 'Accept, Origin, Cookie']
  ]) {
    const { url } = await plain.start(t, createHub(), { topics, cors: APP, headers }, { before: before(value) })
    assert.equal((await join(url, { headers: { Origin: APP } })).headers.vary, vary)
  }
})
