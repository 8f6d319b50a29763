// Reading a hub in its own process.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { promisify } from 'node:util'

import { createHub, SsecastError, Subscription } from 'ssecast'

import { eventually } from './support/eventually.mjs'

/** The next events, so many, or up to one with the data `last`. */
async function take(subscription, enough) {
  const events = []
  while (typeof enough === 'number' ? events.length < enough : events.at(-1)?.data !== enough) {
    const { done, value } = await subscription.next()
    if (done) break
    events.push(value)
  }
  return events
}
const dataOf = events => events.map(({ data }) => data)
const numbers = (from, to) => Array.from({ length: to - from }, (_, index) => String(from + index))

test('a subscription gets its topics in the order of the hub', async () => {
  const hub = createHub()
  const subscription = hub.subscribe(['a', 'b'])
  assert.ok(subscription instanceof Subscription)
  for (let n = 0; n < 100; n++) hub.publish('abc'[n % 3], n)
  assert.deepEqual(dataOf(await take(subscription, 67)), numbers(0, 100).filter(n => n % 3 !== 2))
})

test('an event has its type, its data and its id, and a topic may be a string', async () => {
  const hub = createHub()
  const subscription = hub.subscribe('t')
  const { id } = hub.publish('t', { now: 1 }, { event: 'tick' })
  assert.deepEqual((await subscription.next()).value, { event: 'tick', data: '{"now":1}', id, lastEventId: id })
  assert.equal(subscription.lastEventId, id)
})

for (const read of [1, 2, 3, 4]) {
  test(`a subscription resumes behind the event that it was given last, the ${read}. of a batch`, async () => {
    const hub = createHub()
    const first = hub.subscribe('t')
    for (const n of numbers(0, 4)) hub.publish('t', n)
    await take(first, read)
    await first.return()
    const second = hub.subscribe('t', { lastEventId: first.lastEventId })
    assert.equal(second.lastEventId, first.lastEventId)
    hub.publish('t', 4)
    assert.deepEqual(dataOf(await take(second, 5 - read)), numbers(read, 5))
  })
}

test('a subscription begins with a replay, and what it lost it is told by a reset', async () => {
  const hub = createHub({ history: { events: 2 } })
  const { id } = hub.publish('t', 0)
  for (const n of numbers(1, 6)) hub.publish('t', n)
  assert.deepEqual(dataOf(await take(hub.subscribe('t', { replay: 1 }), 1)), ['5'])
  assert.deepEqual(dataOf(await take(hub.subscribe('t', { replay: 'all' }), 2)), ['4', '5'])
  const [reset, ...rest] = await take(hub.subscribe('t', { lastEventId: id }), 3)
  assert.equal(reset.event, 'reset')
  assert.deepEqual(JSON.parse(reset.data), { reason: 'expired', missed: 3 })
  assert.deepEqual(dataOf(rest), ['4', '5'])
})

for (const policy of ['skip', 'disconnect']) {
  for (const taken of [0, 1]) {
    test(`a slow subscription that was given ${taken} events costs bounded memory and is told what it missed, by ${policy}`, async () => {
      const hub = createHub({ history: { events: 10 }, slowClient: { bytes: 10_000, ms: 20, policy } })
      const subscription = hub.subscribe('t')
      if (taken) hub.publish('t', 'first')
      assert.deepEqual(dataOf(await take(subscription, taken)), taken ? ['first'] : [])
      for (let n = 0; n < 1000; n++) {
        hub.publish('t', `${n} ${'x'.repeat(1000)}`)
        // The event loop has its turns: what is not taken is the reader's doing.
        if (n % 100 === 99) await new Promise(setImmediate)
      }
      await eventually(() => hub.stats().heldBytes < 10 * 1300 + 2 * 12_000, 'the memory is bounded')
      const seen = []
      do seen.push(...(await take(subscription, 1)))
      while (seen.at(-1).event !== 'reset')
      hub.publish('t', 'last')
      seen.push(...(await take(subscription, 'last')))
      const missed = seen.filter(({ event }) => event === 'reset').map(({ data }) => JSON.parse(data).missed)
      const got = seen.slice(0, -1).filter(({ event }) => event === undefined).map(({ data }) => parseInt(data))
      assert.deepEqual(got, [...new Set(got)].sort((a, b) => a - b))
      assert.equal(missed.reduce((sum, n) => sum + n) + got.length, 1000)
    })
  }
}

test('`break`, `return`, the signal and the hub end a subscription and the calls that wait', async () => {
  const hub = createHub()
  hub.publish('t', 'early')
  for await (const { data } of hub.subscribe('t', { replay: 1 })) {
    assert.equal(data, 'early')
    break
  }
  assert.equal(hub.stats().connections, 0)

  const controller = new AbortController()
  const ended = [hub.subscribe('t'), hub.subscribe('t', { signal: controller.signal }), hub.subscribe('t')]
  const calls = ended.map(subscription => [subscription.next(), subscription.next()])
  assert.equal(hub.stats().connections, 3)
  await ended[0].return()
  assert.deepEqual((await Promise.all(calls[0])).map(({ done }) => done), [true, true])
  controller.abort()
  assert.deepEqual((await Promise.all(calls[1])).map(({ done }) => done), [true, true])
  hub.publish('t', 'pending')
  await hub.close({ event: { data: 'goodbye' } })
  assert.deepEqual((await Promise.all(calls[2])).map(({ value }) => value.data), ['pending', 'goodbye'])
  for (const subscription of ended) assert.deepEqual(await subscription.next(), { done: true, value: undefined })
  assert.throws(() => hub.subscribe('t'), { code: 'SSECAST_CLOSED' })
})

test('a signal that has aborted already opens no subscription', async () => {
  const hub = createHub()
  const subscription = hub.subscribe('t', { signal: AbortSignal.abort() })
  assert.equal(hub.stats().connections, 0)
  assert.equal((await subscription.next()).done, true)
})

test('a subscription ends with its topics, after what is left of them', async () => {
  const hub = createHub()
  const subscription = hub.subscribe('answer')
  for (const word of ['all', 'of', 'it']) hub.publish('answer', word)
  hub.endTopic('answer')
  assert.deepEqual(dataOf(await take(subscription, 'never')), ['all', 'of', 'it'])
  assert.throws(() => hub.subscribe('answer', { lastEventId: subscription.lastEventId }), { code: 'SSECAST_TOPIC_ENDED' })
})

test('one wake-up of the event loop serves a thousand subscriptions', async t => {
  const hub = createHub()
  const subscriptions = Array.from({ length: 1000 }, () => hub.subscribe('t'))
  const calls = subscriptions.map(subscription => subscription.next())
  await new Promise(setImmediate)
  let takes = 0
  const { native } = hub.connections
  const { take: original } = native
  t.mock.method(native, 'take', (...parameters) => (takes++, original.apply(native, parameters)))
  hub.publish('t', 'once')
  assert.deepEqual(new Set((await Promise.all(calls)).map(({ value }) => value.data)), new Set(['once']))
  assert.ok(takes <= 8, `${takes}: 256 connections at a time`)
})

test('a subscription that is dropped is no reader any more', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  const hub = createHub()
  ;(() => void hub.subscribe('t'))()
  await eventually(() => (collect(), hub.stats().connections === 0), 'the subscription is collected')
})

test('what is wrong with a subscription is said', () => {
  const hub = createHub({ maxConnections: 1 })
  for (const [parameters, code, message] of [
    [[], 'SSECAST_INVALID_TOPIC', "topics must be an array of strings, such as ['ticks'], not undefined"],
    [[['']], 'SSECAST_INVALID_TOPIC', /item 0/],
    [['t', { lastEventID: '1' }], 'SSECAST_INVALID_OPTION', 'lastEventID is unknown; known are lastEventId, replay, signal'],
    [['t', { lastEventId: 7 }], 'SSECAST_INVALID_OPTION', 'lastEventId must be a string, not 7'],
    [['t', { replay: -1 }], 'SSECAST_INVALID_OPTION', /^replay must be a number of events/],
    [['t', { signal: {} }], 'SSECAST_INVALID_OPTION', 'signal must be an AbortSignal, not an object'],
  ]) {
    assert.throws(() => hub.subscribe(...parameters), error => {
      assert.ok(error instanceof SsecastError)
      assert.equal(error.code, code)
      assert.match(error.message, typeof message === 'string' ? new RegExp(`^${message.replace(/[[\]]/g, '\\$&')}$`) : message)
      return true
    })
  }
  hub.subscribe('t')
  assert.throws(() => hub.subscribe('t'), { code: 'SSECAST_TOO_MANY_CONNECTIONS' })
})

test('a subscription keeps the process alive only while `next` waits', async () => {
  const run = code => promisify(execFile)(process.execPath, ['-e', code], { cwd: import.meta.dirname, timeout: 10_000 })
  const program = "const hub = require('ssecast').createHub(); const subscription = hub.subscribe('t');"
  const waits = "subscription.next().then(({ value }) => console.log(value.data)); setTimeout(() => hub.publish('t', 'late'), 50).unref()"
  const [idle, reading] = await Promise.all([run(program), run(program + waits)])
  assert.deepEqual([idle.stdout, reading.stdout], ['', 'late\n'])
})
