import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import * as imported from 'ssecast'

import { join } from './support/client.mjs'
import { serve } from './support/hosts.mjs'

const require = createRequire(import.meta.url)
const required = require('ssecast')

test('import and require give the same names and the same things', () => {
  const names = [
    'EventSourceParserStream', 'Hub', 'Session', 'SsecastError', 'StoredHub', 'Subscription', 'createHub', 'createParser', 'encode', 'events', 'sseMiddleware',
  ]
  assert.deepEqual(Object.keys(imported).filter(name => name !== 'default').sort(), names)
  assert.deepEqual(Object.keys(required).sort(), names)
  for (const name of names) assert.equal(imported[name], required[name])
})

test('a hub that was made by require serves in a middleware that was imported', async t => {
  const hub = required.createHub()
  assert.ok(hub instanceof imported.Hub)
  const { url } = await serve(t, hub)
  const client = await join(url)
  hub.publish('t', 'x')
  assert.deepEqual(await client.has(1), ['x'])
  assert.throws(() => hub.publish('', 'x'), imported.SsecastError)
})

test('the package gives its version, and nothing of its inside', () => {
  assert.match(require('ssecast/package.json').version, /^\d+\.\d+\.\d+/)
  assert.throws(() => require('ssecast/dist/hub.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' })
  assert.equal(require('../native.cjs').version(), require('ssecast/package.json').version)
})

test('a middleware takes no more than three parameters, or Express would pass it errors', () => {
  assert.ok(imported.sseMiddleware().length <= 3)
  assert.equal(Object.getPrototypeOf(imported.sseMiddleware.koa1()).constructor.name, 'GeneratorFunction')
})
