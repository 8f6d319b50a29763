// Each example is started as the program that it is. Thirty clients join, some leave, the first one among them (its
// leaving is what silenced the others in the programs that the examples come from), and clients that stay have every event.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { start, startServer } from './support/processes.mjs'

const examples = new URL('../examples/', import.meta.url)
const DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d{4} \d\d:\d\d:\d\d GMT/

const broadcasts = [
  {
    program: 'time/server.mjs', path: '/stream', page: '/', retry: 10_000, type: 'onTimeChanged', own: ['connecttime'],
    headers: { 'access-control-allow-origin': '*' }, comment: 'This is a Comment',
    check(data) {
      const { foo, name } = JSON.parse(data)
      assert.ok(Math.abs(foo - Date.now()) < 60_000)
      assert.equal(name, 'xutao')
    }
  },
  {
    program: 'dates/server.mjs', path: '/sendMessage', page: '/', retry: 2000, type: 'message', own: [],
    check: data => assert.ok(Math.abs(Number(data) - Date.now()) < 60_000)
  },
  ...['http.mjs', 'express.mjs'].map(name => ({
    program: `index-html/${name}`, path: '/stream', page: '/any/page', retry: 10_000, type: 'message', own: ['connecttime', 'message'],
    check: data => assert.match(data, DATE)
  })),
  {
    program: 'index-html/koa1.cjs', path: '/stream', page: '/any/page', retry: 2000, type: 'message', own: [],
    check: data => assert.match(data, DATE)
  }
]

describe('examples', { concurrency: true }, () => {
  for (const { program, path, page, retry, type, own, check, comment, headers = {} } of broadcasts) {
    test(`${program}: every one of 30 clients gets every event, also after the first one left`, async t => {
      const { url } = await startServer(t, new URL(program, examples))
      const clients = []
      for (let index = 0; index < 30; index++) clients.push(await join(url + path))
      const [first, ...others] = clients
      const stayers = others.filter((_, index) => index % 3 !== 0)
      await Promise.all(clients.map(client => eventually(() => published(client).length >= 1, 'the first event')))

      first.cut()
      others.filter(client => !stayers.includes(client)).forEach(client => client.cut())
      const seen = Math.max(...stayers.map(client => published(client).length))
      await Promise.all(stayers.map(client => eventually(() => published(client).length >= seen + 2, 'two more events')))

      const count = Math.min(...stayers.map(client => published(client).length))
      const last = Math.min(...stayers.map(client => sequence(published(client).at(-1))))
      for (const client of stayers) {
        const events = published(client)
        assert.ok(events.length >= count)
        events.forEach((event, index) => assert.equal(sequence(event), sequence(events[0]) + index))
        const common = events.filter(event => sequence(event) <= last)
        const others = published(stayers[0]).filter(event => sequence(event) >= sequence(events[0]) && sequence(event) <= last)
        assert.deepEqual(common.filter(event => sequence(event) >= sequence(others[0])), others)
        assert.deepEqual(new Set(events.map(({ event }) => event)), new Set([type]))
        events.forEach(({ data }) => check(data))
        assert.deepEqual(client.retries, [retry])
        for (const [name, value] of Object.entries(headers)) assert.equal(client.headers[name], value)
        if (comment) assert.equal(client.comments.filter(text => text === comment).length, events.length)
      }

      /** The events for everyone: behind those that the client got on connecting. */
      function published(client) {
        assert.deepEqual(client.events.slice(0, own.length).map(({ event }) => event), own.slice(0, client.events.length))
        client.events.slice(0, own.length).forEach(({ data }) => assert.match(data, DATE))
        return client.events.slice(own.length)
      }
    })

    test(`${program}: its page is served`, async t => {
      const { url } = await startServer(t, new URL(program, examples))
      const response = await fetch(url + page)
      assert.match(response.headers.get('content-type'), /^text\/html/)
      assert.equal(await response.text(), readFileSync(new URL(`${program}/../index.html`, examples), 'utf8'))
    })
  }

  test('events/server.mjs: every one of 30 clients gets both events, also after the first one left', async t => {
    const { url } = await startServer(t, new URL('events/server.mjs', examples))
    const clients = []
    for (let index = 0; index < 30; index++) clients.push(await join(url))
    const stayers = clients.filter((_, index) => index % 3 !== 0)
    await eventually(() => clients[0].events.length >= 1, 'the first event')
    clients.filter(client => !stayers.includes(client)).forEach(client => client.cut())

    for (const client of stayers) {
      await client.has(2)
      assert.deepEqual(client.events, [
        { event: 'testEvent', data: '{"a":4}', id: '123' },
        { event: 'message', data: 'this is SimpleEvent', id: '123' }
      ])
      assert.deepEqual(client.retries, [2000, 30_000])
      assert.equal(client.headers['access-control-allow-origin'], '*')
    }
  })

  test('events/server.mjs: a client that comes back with the id 123 gets both events again, and no reset', async t => {
    const { url } = await startServer(t, new URL('events/server.mjs', examples))
    const client = await join(url, { lastEventId: '123' })
    await client.has(2)
    assert.deepEqual(client.events.map(({ event }) => event), ['testEvent', 'message'])
  })

  test('events/server.mjs: its page and sse.js are served, and no file besides', async t => {
    const { url } = await startServer(t, new URL('events/server.mjs', examples))
    const page = await fetch(`${url}/index.html`)
    assert.match(page.headers.get('content-type'), /^text\/html/)
    assert.equal(await page.text(), readFileSync(new URL('events/index.html', examples), 'utf8'))
    const script = await fetch(`${url}/sse.js`)
    assert.match(script.headers.get('content-type'), /^text\/javascript/)
    assert.match(await script.text(), /export \{ SSE \}/)
  })
})

/** The number in a hub's id. */
function sequence({ id }) {
  return Number(id.split('-')[1])
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`demo/server.mjs: ${signal} ends its streams, and the process, without an error`, async t => {
    const server = start(t, [fileURLToPath(new URL('demo/server.mjs', examples))], { env: { PORT: '0' } })
    // Its processes listen; it says where.
    const address = () => /http:\S+/.exec(server.output)?.[0]
    await eventually(address, 'its address')
    const clients = await Promise.all([1, 2, 3].map(n => join(`${address()}/stream?client=c${n}&topics=ticks,stats`)))
    for (const client of clients) await client.has(3)
    server.kill(signal)
    assert.equal(await server.exited, 0)
    assert.doesNotMatch(server.output, /error/i)
    for (const client of clients) assert.ok((await client.end()).complete)
  })
}
