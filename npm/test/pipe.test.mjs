import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'

import { createHub } from 'ssecast'

import { join } from './support/client.mjs'
import { deferred, eventually } from './support/eventually.mjs'
import { serve } from './support/hosts.mjs'

for (const delivery of ['auto', 'pull']) {
  const connect = async (t, { onConnect, ...options } = {}) => {
    const hub = createHub({ delivery, ...options })
    const opened = deferred()
    const { url } = await serve(t, hub, { topics: [], onConnect: opened.resolve })
    const client = await join(url)
    return { hub, client, session: await opened.promise }
  }
  const check = (name, body) => test(`${name} (${delivery} delivery)`, body)

  check('pipe sends every value of an async iterable, and then what is done', async t => {
    const { session, client } = await connect(t)
    async function* tokens() {
      yield 'Hello'
      yield ' world'
      yield { n: 1 }
    }
    assert.equal(await session.pipe(tokens(), { event: 'token', done: '[DONE]' }), true)
    assert.equal(await session.close(), 'server')
    await client.end()
    assert.deepEqual(client.data(), ['Hello', ' world', '{"n":1}', '[DONE]'])
    assert.deepEqual(client.events.map(({ event }) => event).slice(0, 3), ['token', 'token', 'token'])
  })

  check('pipe takes plain iterables and Node streams', async t => {
    const { session, client } = await connect(t)
    await session.pipe(['a', 'b'])
    await session.pipe(Readable.from(['c', 'd']))
    session.send('after: the stream stays open')
    assert.deepEqual(await client.has(5), ['a', 'b', 'c', 'd', 'after: the stream stays open'])
  })

  check('map makes data of a value, or a whole event', async t => {
    const { session, client } = await connect(t)
    const map = n => (n % 2 ? n * 10 : { data: n, event: 'even', id: n, retry: 100 + n })
    await session.pipe([1, 2, 3], { map, event: 'odd', done: { event: 'end', data: 'bye' } })
    await client.has(4)
    assert.deepEqual(client.events, [
      { event: 'odd', data: '10', id: '' },
      { event: 'even', data: '2', id: '2' },
      { event: 'odd', data: '30', id: '2' },
      { event: 'end', data: 'bye', id: '2' }
    ])
  })

  check('without map an object is data, whatever its properties are called', async t => {
    const { session, client } = await connect(t)
    await session.pipe([{ data: 'x', usage: 5 }, { data: 'y', id: 'not an id' }])
    assert.deepEqual(await client.has(2), ['{"data":"x","usage":5}', '{"data":"y","id":"not an id"}'])
    assert.equal(client.lastEventId, '')
  })

  const text = 'grün 🎈 ok, und noch €'
  const cut = Array.from({ length: Buffer.byteLength(text) }, (_, index) => Buffer.from(text).subarray(index, index + 1))
  const stream = chunks => new ReadableStream({ start: controller => (chunks.forEach(chunk => controller.enqueue(chunk)), controller.close()) })
  async function* generate(chunks) {
    yield* chunks
  }
  for (const [what, source] of [
    ['an array', () => cut],
    ['a Node stream', () => Readable.from(cut, { objectMode: false })],
    ['a web stream', () => stream(cut)],
    ['an async iterable of Uint8Arrays', () => generate(cut.map(chunk => new Uint8Array(chunk)))],
    ['an array of ArrayBuffers', () => cut.map(chunk => new Uint8Array(chunk).buffer)]
  ]) {
    check(`pipe joins the characters that chunks of bytes of ${what} cut, with map or without`, async t => {
      const { session, client } = await connect(t)
      for (const map of [undefined, chunk => chunk, async chunk => chunk, data => ({ data, event: 'part' })]) {
        assert.equal(await session.pipe(source(), { ...(map && { map }), event: 'part', done: 'done' }), true)
        session.send('', { event: 'end' })
        await eventually(() => client.events.at(-1)?.event === 'end', 'the end')
        const events = client.events.splice(0)
        assert.deepEqual(events.filter(({ event }) => event === 'part').map(({ data }) => data).join(''), `${text}done`)
        assert.ok(events.every(({ data }) => !data.includes('\ufffd')))
      }
    })
  }

  check('bytes that are not UTF-8, or end inside of a character, end a pipe with an error', async t => {
    for (const chunks of [[[0xff]], [[0xe2], [0x82]], [[0xe2, 0x82], 'text'], [[0x41], [0xe2], [0x41]]]) {
      const { session } = await connect(t)
      const source = chunks.map(chunk => (typeof chunk === 'string' ? chunk : Buffer.from(chunk)))
      await assert.rejects(session.pipe(source), { code: 'SSECAST_INVALID_DATA', field: 'data', message: 'data must be UTF-8' })
      assert.equal(await session.closed, 'error')
    }
  })

  check('map gets bytes as they are, also those that are no text', async t => {
    const { session, client } = await connect(t)
    const chunks = [Buffer.from([0xff, 0x00]), Buffer.from([0xe2])]
    await session.pipe(Readable.from(chunks, { objectMode: false }), { map: chunk => chunk.toString('hex') })
    assert.deepEqual(await client.has(2), ['ff00', 'e2'])
  })

  check('promises in a synchronous iterable are waited for, and so is what map promises', async t => {
    const { session, client } = await connect(t)
    assert.equal(await session.pipe([Promise.resolve('a'), 'b', Promise.resolve('c')], { map: async data => ({ data, event: 'e' }) }), true)
    await client.has(3)
    assert.deepEqual(client.events.map(({ event, data }) => event + data), ['ea', 'eb', 'ec'])
  })

  for (const source of ['text', Buffer.from('bytes'), new ArrayBuffer(1), Promise.resolve([]), undefined, null, 5, {}, () => []]) {
    check(`pipe refuses ${Object.prototype.toString.call(source)}, which is no source, and the stream goes on`, async t => {
      const { session, client } = await connect(t)
      await assert.rejects(session.pipe(source), { code: 'SSECAST_INVALID_DATA', field: 'source', message: /must be an iterable/ })
      session.send('good')
      assert.deepEqual(await client.has(1), ['good'])
    })
  }

  check('pipe refuses options that are none', async t => {
    const { session } = await connect(t)
    await assert.rejects(session.pipe([], { type: 'token' }), { code: 'SSECAST_INVALID_OPTION', field: 'type' })
    await assert.rejects(session.pipe([], 'token'), { code: 'SSECAST_INVALID_OPTION', field: 'options' })
  })

  check('pipes of synchronous iterables leave turns to the event loop, however many there are', async t => {
    const { session, client } = await connect(t)
    const sources = [0, 1, 2, 3]
    let made = 0
    let most = 0
    let before = 0
    let isOver = false
    function* values(name) {
      for (let index = 0; index < 5000; index++, made++) yield `${name} ${index}`
    }
    // How many values are made between two turns, and not how long that takes, which depends on the machine.
    const look = () => {
      most = Math.max(most, made - before)
      before = made
      if (!isOver) setImmediate(look)
    }
    look()
    assert.deepEqual(await Promise.all(sources.map(name => session.pipe(values(name)))), [true, true, true, true])
    isOver = true
    assert.ok(most < 10_000, `${most} of ${made} values in one turn`)
    const data = await client.has(20_000)
    for (const name of sources) {
      const own = data.filter(text => text.startsWith(`${name} `))
      assert.deepEqual(own, Array.from({ length: 5000 }, (_, index) => `${name} ${index}`))
    }
  })

  check('pipe does not run ahead of a slow client, and its memory stays bounded', async t => {
    const { hub, session, client } = await connect(t)
    client.stall()
    const [value, total] = ['x'.repeat(10_000), 3000]
    let made = 0
    async function* source() {
      for (; made < total; made++) yield `${made} ${value}`
    }
    const piped = session.pipe(source())
    let last
    // It stops: looking twice, some turns of the event loop apart, shows the same number.
    await eventually(async () => {
      const before = made
      for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
      last = made
      return made > 0 && before === made
    }, 'the source waits')
    assert.ok(last < total, `${last} values were taken from the source`)
    assert.ok(hub.stats().lagBytes < 1 << 20)

    client.read()
    assert.equal(await piped, true)
    const data = await client.has(total)
    assert.equal(data.length, total)
    assert.ok(data.every((text, index) => text === `${index} ${value}`))
  })

  check('a pipe never makes its own client lag, however small the limit', async t => {
    const { session, client } = await connect(t, { slowClient: { bytes: 2000, ms: 60_000 } })
    const values = Array.from({ length: 500 }, (_, index) => `${index} ${'x'.repeat(300)}`)
    assert.equal(await session.pipe(values), true)
    assert.deepEqual(await client.has(500), values)
  })

  check('a client that leaves stops the source of its pipe, also one that waits', async t => {
    const { session, client } = await connect(t)
    const [returned, waiting] = [deferred(), deferred()]
    const source = {
      count: 0,
      [Symbol.asyncIterator]: () => source,
      next: () => (source.count++ < 3 ? Promise.resolve({ value: 'x', done: false }) : (waiting.resolve(), new Promise(() => {}))),
      return: () => (returned.resolve(), Promise.resolve({ value: undefined, done: true }))
    }
    const piped = session.pipe(source)
    await client.has(3)
    await waiting.promise
    client.cut()
    assert.equal(await piped, false)
    await returned.promise
    assert.equal(await session.closed, 'client')
  })

  check('a source that throws ends the stream after what it gave, and pipe throws its error', async t => {
    const { hub, session, client } = await connect(t)
    async function* source() {
      yield 'one'
      yield 'two'
      throw new RangeError('on purpose')
    }
    await assert.rejects(session.pipe(source(), { done: 'never' }), RangeError)
    assert.equal(await session.closed, 'error')
    await client.end()
    assert.deepEqual(client.data(), ['one', 'two'])
    assert.equal(hub.stats().disconnects.error, 1)
  })

  check('a value that is no event stops the source, and pipe throws the error', async t => {
    const { session, client } = await connect(t)
    let stopped = false
    async function* source() {
      try {
        yield 'one'
        yield 10n
      } finally {
        stopped = true
      }
    }
    await assert.rejects(session.pipe(source()), { code: 'SSECAST_INVALID_DATA', field: 'data' })
    await client.end()
    assert.deepEqual(client.data(), ['one'])
    await eventually(() => stopped, 'the source is returned from')
  })

  check('a map that throws stops the source, and pipe throws its error', async t => {
    const { session, client } = await connect(t)
    const map = () => { throw new RangeError('on purpose') }
    await assert.rejects(session.pipe(['x'], { map }), RangeError)
    await client.end()
    assert.deepEqual(client.data(), [])
  })

  check('piping into a stream that has ended takes nothing and stops the source', async t => {
    const { session } = await connect(t)
    await session.close()
    const returned = deferred()
    const source = { next: assert.fail, return: returned.resolve, [Symbol.asyncIterator]: () => source }
    assert.equal(await session.pipe(source), false)
    await returned.promise
  })

  check('two pipes at once each send all they have', async t => {
    const { session, client } = await connect(t)
    const values = name => Array.from({ length: 200 }, (_, index) => `${name}${index} ${'x'.repeat(2000)}`)
    client.stall()
    const piped = Promise.all([session.pipe(values('a')), session.pipe(values('b'))])
    client.read()
    assert.deepEqual(await piped, [true, true])
    const data = await client.has(400)
    for (const name of ['a', 'b']) assert.deepEqual(data.filter(text => text.startsWith(name)), values(name))
  })

  check('closing its session stops the source of a pipe', async t => {
    const { session, client } = await connect(t)
    const returned = deferred()
    async function* source() {
      try {
        for (let n = 0; ; n++) yield await new Promise(resolve => setImmediate(resolve, n))
      } finally {
        returned.resolve()
      }
    }
    const piped = session.pipe(source(), { done: 'never' })
    await client.has(3)
    session.close()
    assert.equal(await piped, false)
    await returned.promise
    await client.end()
    assert.ok(!client.data().includes('never'))
  })

  check('closing the hub ends a pipe', async t => {
    const { hub, session, client } = await connect(t)
    const returned = deferred()
    async function* source() {
      try {
        for (let n = 0; ; n++) yield await new Promise(resolve => setImmediate(resolve, n))
      } finally {
        returned.resolve()
      }
    }
    const piped = session.pipe(source())
    await client.has(5)
    await hub.close()
    assert.equal(await piped, false)
    await returned.promise
    assert.equal(await session.closed, 'shutdown')
  })

  check('the signal of a session aborts what works for its client', async t => {
    const { session, client } = await connect(t)
    const { signal } = session
    const work = new Promise((resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    client.cut()
    await assert.rejects(work, { name: 'AbortError' })
    assert.equal(session.signal, signal)
  })
}
