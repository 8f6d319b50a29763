// A hub whose history is in a file: where that is, what publishing promises, and how it ends.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join as path } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'

import { createHub, Hub, sseMiddleware, SsecastError, StoredHub } from 'ssecast'

import { join } from './support/client.mjs'
import { eventually } from './support/eventually.mjs'
import { fileStore, folder } from './support/folder.mjs'
import { serve } from './support/hosts.mjs'
import { start } from './support/processes.mjs'

const npm = fileURLToPath(new URL('..', import.meta.url))
const script = text => ['--input-type=module', '--eval', text]

/** A store that can't be opened: a file is where its folder should be. */
async function brokenStore(t) {
  const file = path(await folder(t), 'events')
  await writeFile(file, '')
  return `file:${file}`
}

test('a store\'s URL is relative to the working directory or absolute, as text or as a URL', async t => {
  const place = await folder(t)
  const cases = [
    ['file:./relative', 'relative'],
    ['file:with spaces', 'with spaces'],
    ['file:with%20an%20encoded%3F', 'with an encoded?'],
    [`file:${place}/absolute`, 'absolute'],
    [`file://${place}/slashes?durability=machine`, 'slashes'],
  ]
  const child = start(t, script(`
    import { createHub } from 'ssecast'
    process.chdir(${JSON.stringify(place)})
    const hubs = ${JSON.stringify(cases.map(([url]) => url))}.map(store => createHub({ store }))
    process.chdir('/')
    for (const hub of hubs) await hub.publish('t', 'x')
  `), { cwd: npm })
  assert.equal(await child.exited, 0, child.output)
  for (const [url, name] of cases) assert.ok(existsSync(path(place, name)), url)
  const url = pathToFileURL(path(place, 'of a #URL?'))
  await createHub({ store: url }).publish('t', 'x')
  assert.ok(existsSync(path(place, 'of a #URL?')))
})

test('a store that there can\'t be is refused when the hub is made', () => {
  for (const store of ['', './events', 'file:', 'file://host/events', 'file:./a?sync=1', 'redis:x', 'redis://u:secret@h:x', 'mysql://h', 5, null, {}, ['file:./a']]) {
    assert.throws(() => createHub({ store }), error => {
      assert.ok(error instanceof SsecastError)
      assert.deepEqual([error.code, error.field], ['SSECAST_INVALID_OPTION', 'store'], String(store))
      assert.doesNotMatch(error.message, /secret/)
      return true
    })
  }
  assert.throws(() => new Hub({ store: 'file:./events' }), { code: 'SSECAST_INVALID_OPTION', field: 'store', message: /createHub/ })
  for (const publishTimeoutMs of [0, -1, NaN, '1', {}]) {
    assert.throws(() => createHub({ store: 'file:./events', publishTimeoutMs }), { code: 'SSECAST_INVALID_OPTION', field: 'publishTimeoutMs' })
  }
})

for (const delivery of ['auto', 'pull']) {
  test(`what is published has the order of the calls, also those that nothing awaits (${delivery} delivery)`, async t => {
    const hub = createHub({ store: await fileStore(t), delivery })
    assert.ok(hub instanceof StoredHub)
    assert.equal(hub.stats().store, 'unopened')
    const { url } = await serve(t, hub)
    const client = await join(url)
    const results = []
    for (let n = 0; n < 2000; n++) results.push(hub.publish('t', String(n)))
    const published = await Promise.all(results)
    const [epoch] = published[0].id.split('-')
    assert.deepEqual(published, Array.from({ length: 2000 }, (_, n) => ({ id: `${epoch}-${n + 1}`, subscribers: 1 })))
    assert.deepEqual(await client.has(2000), Array.from({ length: 2000 }, (_, n) => String(n)))
    const { store, published: count } = hub.stats()
    assert.deepEqual([store, count], ['ready', 2000])
    assert.equal('store' in createHub().stats(), false)
    await hub.close()
    assert.deepEqual(await hub.publish('t', 'late'), { id: null, subscribers: 0 })
  })
}

test('publishing gives its errors by the promise alone, and what came before and after is published', async t => {
  const hub = createHub({ store: await fileStore(t), maxEventBytes: 100 })
  const rejects = (promise, code, field) => assert.rejects(promise, { name: 'SsecastError', code, field })
  const before = hub.publish('t', 'before', { id: 'one' })
  const refused = [
    rejects(hub.publish(5, 'x'), 'SSECAST_INVALID_TOPIC', 'topic'),
    rejects(hub.publish('', 'x'), 'SSECAST_INVALID_TOPIC', 'topic'),
    rejects(hub.publish('t', undefined), 'SSECAST_INVALID_DATA', 'data'),
    rejects(hub.publish('t', 'x', { type: 'x' }), 'SSECAST_INVALID_OPTION', 'type'),
    rejects(hub.publish('t', 'x', { event: 'a\nb' }), 'SSECAST_INVALID_EVENT', 'event'),
    rejects(hub.publish('t', 'x', { retry: 1.5 }), 'SSECAST_INVALID_RETRY', 'retry'),
    rejects(hub.publish('t', 'x'.repeat(200)), 'SSECAST_EVENT_TOO_LARGE', 'event'),
    rejects(hub.publish('t', 'again', { id: 'one' }), 'SSECAST_INVALID_ID', 'id')
  ]
  const after = hub.publish('t', { n: 1 }, { event: 'x', retry: 10, comment: 'c' })
  assert.equal((await before).id, 'one')
  await Promise.all(refused)
  assert.match((await after).id, /-2$/)
  assert.equal(hub.stats().published, 2)
})

test('a failing store rejects what is published; a rejection that nothing handles is a warning, once for each outage', async t => {
  const store = await brokenStore(t)
  const child = start(t, script(`
    import { rm } from 'node:fs/promises'
    import { createHub } from 'ssecast'
    const hub = createHub({ store: '${store}' })
    const warnings = []
    process.on('warning', ({ name, code, message }) => warnings.push({ name, code, message }))
    const fail = async () => {
      for (let n = 0; n < 3; n++) hub.publish('t', 'x')
      const error = await hub.publish('t', 'x').catch(error => error)
      await new Promise(resolve => setTimeout(resolve, 5))
      return [error.name, error.code]
    }
    const report = { error: await fail(), state: hub.stats().store }
    await rm('${store.slice('file:'.length)}')
    report.published = (await hub.publish('t', 'x')).id
    report.after = hub.stats().store
    process.send({ ...report, warnings })
    process.disconnect()
  `), { cwd: npm })
  const [[report], code] = await Promise.all([new Promise(resolve => child.once('message', (...all) => resolve(all))), child.exited])
  assert.equal(code, 0, child.output)
  assert.deepEqual([report.error[0], report.state, report.after], ['SsecastError', 'degraded', 'ready'])
  assert.match(report.published, /-1$/)
  assert.equal(report.warnings.length, 1)
  assert.equal(report.warnings[0].name, 'SsecastWarning')
  assert.equal(report.warnings[0].code, report.error[1])
  assert.match(report.warnings[0].message, /events can't be published/i)
})

test('a mistake of the call that nothing handles ends the process, as in a hub in memory', async t => {
  const child = start(t, script(`
    import { createHub } from 'ssecast'
    createHub({ store: '${await fileStore(t)}' }).publish('', 'x')
    setTimeout(() => process.exit(0), 5000)
  `), { cwd: npm })
  assert.equal(await child.exited, 1)
  assert.match(child.output, /topic must not be empty/)
})

test('a publication keeps the process alive until it is settled; a hub that was used does not', async t => {
  const store = await fileStore(t)
  const child = start(t, script(`
    import http from 'node:http'
    import { createHub } from 'ssecast'
    const hub = createHub({ store: '${store}', heartbeatMs: 1 })
    for (let n = 0; n < 100; n++) hub.publish('t', n).then(({ id }) => n === 99 && process.stdout.write(id))
  `), { cwd: npm })
  assert.equal(await child.exited, 0, child.output)
  assert.match(child.output, /-100$/)
})

test('process.exit() in the middle of publishing ends with its code, and leaves a whole history', async t => {
  const store = await fileStore(t)
  const child = start(t, script(`
    import { createHub } from 'ssecast'
    const hub = createHub({ store: '${store}' })
    let n = 0
    setInterval(() => {
      for (let count = 0; count < 100; count++) hub.publish('t', n++)
      if (n > 2000) process.exit(7)
    }, 1)
  `), { cwd: npm })
  assert.equal(await child.exited, 7, child.output)
  const hub = createHub({ store })
  const { url } = await serve(t, hub, { topics: ['t'], replay: 'all' })
  const client = await join(url)
  const { id } = await hub.publish('t', 'last')
  const data = await client.has(1000)
  await eventually(() => client.data().at(-1) === 'last', 'the last event')
  const numbers = client.data().slice(0, -1).map(Number)
  numbers.forEach((number, index) => assert.equal(number, numbers[0] + index))
  assert.equal(client.lastEventId, id)
  assert.ok(data.length >= 1000)
})

test('a worker thread with a stored hub can be terminated in the middle of publishing, and the rest goes on', async t => {
  const store = await fileStore(t)
  const hub = createHub({ store })
  const { url } = await serve(t, hub)
  const client = await join(url)
  for (let round = 0; round < 3; round++) {
    const worker = new Worker(`
      const { createHub } = require('ssecast')
      const hub = createHub({ store: ${JSON.stringify(store)} })
      const publish = () => {
        for (let n = 0; n < 20; n++) hub.publish('t', 'worker')
        setTimeout(publish, 1)
      }
      publish()
    `, { eval: true })
    const before = client.events.length
    await eventually(() => client.events.length > before + 100, 'events of the worker')
    await worker.terminate()
    await hub.publish('t', `round ${round}`)
    await eventually(() => client.data().includes(`round ${round}`), 'an event of this thread')
  }
  client.events.forEach(({ id }, index) => assert.equal(Number(id.split('-')[1]), index + 1))
})

test('what was published before the hub is closed goes out before the end', async t => {
  const hub = createHub({ store: await fileStore(t) })
  const { url } = await serve(t, hub)
  const client = await join(url)
  const published = Array.from({ length: 100 }, (_, n) => hub.publish('t', String(n)))
  const closed = hub.close({ event: { event: 'bye', data: '' } })
  const late = hub.publish('t', 'late')
  await closed
  assert.deepEqual(await late, { id: null, subscribers: 0 })
  for (const { id } of await Promise.all(published)) assert.ok(id)
  await client.end()
  assert.deepEqual(client.data('message'), Array.from({ length: 100 }, (_, n) => String(n)))
  assert.deepEqual(client.data('bye'), [''])
  assert.ok(client.complete)
})

test('a hub with a store that the program no longer refers to is collected, though events were published', async t => {
  const store = await fileStore(t)
  const child = start(t, ['--expose-gc', ...script(`
    import { createHub } from 'ssecast'
    let collected = 0
    const registry = new FinalizationRegistry(() => collected++)
    const use = async () => {
      const hub = createHub({ store: '${store}' })
      registry.register(hub)
      await hub.publish('t', 'x')
    }
    for (let n = 0; n < 5; n++) await use()
    for (let turn = 0; turn < 500 && collected < 4; turn++) {
      global.gc()
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    process.exit(collected >= 4 ? 0 : 1)
  `)], { cwd: npm })
  assert.equal(await child.exited, 0, child.output)
})

test('a hub with a store is the middleware\'s hub as any other is', async t => {
  const hub = createHub({ store: await fileStore(t) })
  assert.equal(sseMiddleware(hub, { topics: ['t'] }).hub, hub)
  assert.throws(() => sseMiddleware(StoredHub), { code: 'SSECAST_INVALID_OPTION', field: 'hub' })
})

test('a topic ends for the clients of all processes, behind what was published before, and for those that come later', async t => {
  const store = await fileStore(t)
  const [one, other] = [createHub({ store }), createHub({ store })]
  const route = { topics: ['answer'], replay: 'all' }
  const urls = (await Promise.all([one, other].map(hub => serve(t, hub, route)))).map(({ url }) => url)
  const clients = await Promise.all(urls.map(url => join(url)))
  for (let n = 0; n < 10; n++) one.publish('answer', String(n))
  const ended = one.endTopic('answer')
  const refused = assert.rejects(one.publish('answer', 'late'), { name: 'SsecastError', code: 'SSECAST_TOPIC_ENDED', field: 'topic' })
  assert.equal(await ended, undefined)
  await refused
  const third = createHub({ store })
  const { url } = await serve(t, third, route)
  for (const client of [...clients, await join(url)]) {
    await client.end()
    assert.deepEqual(client.data(), Array.from({ length: 10 }, (_, n) => String(n)))
    for (const url of urls) assert.equal((await join(url, { lastEventId: client.lastEventId })).status, 204)
    assert.equal((await join(url, { lastEventId: client.events.at(-1).id })).status, 204)
  }
  await assert.rejects(other.publish('answer', 'x'), { code: 'SSECAST_TOPIC_ENDED' })
  await assert.rejects(other.endTopic(''), { code: 'SSECAST_INVALID_TOPIC', field: 'topic' })
  await assert.rejects(other.endTopic(5), { code: 'SSECAST_INVALID_TOPIC', field: 'topic' })
  await other.close()
  assert.equal(await other.endTopic('another'), undefined)
})

test('a store that another process holds up is waited for as long as `publishTimeoutMs` says, without holding up this process', async t => {
  const store = await fileStore(t)
  const hub = createHub({ store, publishTimeoutMs: 150 })
  await hub.publish('t', 'before')
  const child = start(t, script(`
    import { createHub } from 'ssecast'
    const hub = createHub({ store: '${store}' })
    const data = 'x'.repeat(100_000)
    let n = 0
    const publish = () => hub.publish('u', data).then(() => (++n === 10 && process.send('publishing'), publish()))
    for (let count = 0; count < 16; count++) publish()
  `), { cwd: npm })
  await new Promise(resolve => child.once('message', resolve))
  // It has to be stopped while it has the log: sooner or later it is.
  const error = await eventually(async () => {
    child.kill('SIGSTOP')
    let turns = 0
    const counting = setInterval(() => turns++, 5)
    const began = performance.now()
    const error = await hub.publish('t', 'x').then(() => undefined, error => error)
    clearInterval(counting)
    if (error) {
      assert.ok(turns > 10, `the event loop had ${turns} turns`)
      assert.ok(performance.now() - began > 140)
      return error
    }
    child.kill('SIGCONT')
    await new Promise(resolve => setTimeout(resolve, 1))
  }, 'a stop in the wrong place', 30_000)
  assert.deepEqual([error.name, error.code], ['SsecastError', 'SSECAST_STORE_TIMED_OUT'])
  assert.equal(hub.stats().store, 'degraded')
  child.kill('SIGKILL')
  await child.exited
  assert.ok((await hub.publish('t', 'after')).id)
  assert.equal(hub.stats().store, 'ready')
})
