const assert = require('node:assert/strict')
const http = require('node:http')
const { test } = require('node:test')

const { createHub, createParser, encode, sseMiddleware, SsecastError } = require('ssecast')

test('a CommonJS program publishes and serves', async t => {
  const hub = createHub()
  const server = http.createServer(sseMiddleware(hub, { topics: ['t'] }))
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { join } = await import('./support/client.mjs')
  const client = await join(`http://127.0.0.1:${server.address().port}/`)
  hub.publish('t', { a: 1 })
  assert.deepEqual(await client.has(1), ['{"a":1}'])
  await hub.close()
  await client.end()
})

test('a CommonJS program gets the same errors', () => {
  assert.throws(() => encode({ id: 'a\nb' }), error => error instanceof SsecastError && error.code === 'SSECAST_INVALID_ID')
})

test('a CommonJS program parses what it encodes', () => {
  const datas = []
  createParser({ onEvent: ({ data }) => datas.push(data) }).feed(encode({ data: 'x' }))
  assert.deepEqual(datas, ['x'])
})
