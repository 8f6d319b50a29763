// What is data: bytes of every kind are bytes, and what JSON would lose is refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import vm from 'node:vm'
import { Worker } from 'node:worker_threads'

import { createHub, createParser, encode } from 'ssecast'

const bytes = new TextEncoder().encode('grün 🎈')
const buffer = bytes.buffer.slice(0)
const shared = new SharedArrayBuffer(bytes.length)
new Uint8Array(shared).set(bytes)
const realm = vm.createContext({ list: [...bytes] })
const other = code => vm.runInContext(code, realm)

for (const [what, data] of [
  ['a Uint8Array', bytes],
  ['a Buffer', Buffer.from(bytes)],
  ['a part of a buffer', new Uint8Array([65, ...bytes, 65]).subarray(1, -1)],
  ['an ArrayBuffer', buffer],
  ['a DataView', new DataView(buffer)],
  ['a part as a DataView', new DataView(new Uint8Array([65, ...bytes, 65]).buffer, 1, bytes.length)],
  ['a Uint8ClampedArray', new Uint8ClampedArray(bytes)],
  ['an Int8Array', new Int8Array(bytes)],
  ['a SharedArrayBuffer', shared],
  ['a Uint8Array of shared memory', new Uint8Array(shared)],
  ['a DataView of shared memory', new DataView(shared)],
  ['a Uint8Array of another realm', other('new Uint8Array(list)')],
  ['an ArrayBuffer of another realm', other('new Uint8Array(list).buffer')],
  ['a DataView of another realm', other('new DataView(new Uint8Array(list).buffer)')],
  ['a SharedArrayBuffer of another realm', other('{ const shared = new SharedArrayBuffer(list.length); new Uint8Array(shared).set(list); shared }')],
  ['shared bytes of another realm', other('{ const bytes = new Uint8Array(new SharedArrayBuffer(list.length)); bytes.set(list); bytes }')]
]) {
  test(`${what} is bytes of UTF-8`, () => {
    assert.equal(Buffer.from(encode({ data })).toString(), 'data: grün 🎈\n\n')
    assert.equal(createHub().publish('t', data).subscribers, 0)
  })
}

class Nothing {
  #hidden = 1
}

for (const [what, data, message] of [
  ['a promise', Promise.resolve('hi'), /data must not be a promise: await it/],
  ['a promise with properties', Object.assign(Promise.resolve(), { a: 1 }), /await it/],
  ['a thenable', { then() {} }, /await it/],
  ['a promise of another realm', other('Promise.resolve(1)'), /await it/],
  ['a function', () => {}, /not be a function/],
  ['a class', class A {}, /not be the class A/],
  ['a symbol', Symbol('s'), /JSON has no symbol/],
  ['undefined', undefined, /not be undefined/],
  ['a bigint', 10n, /JSON has no bigint/],
  ['NaN', NaN, /JSON has no such number/],
  ['an infinite number', -Infinity, /JSON has no such number/],
  ['a Map', new Map([[1, 2]]), /Object\.fromEntries/],
  ['a Set', new Set([1]), /array of its values/],
  ['a Map of another realm', other('new Map()'), /Object\.fromEntries/],
  ['an Error', new Error('secret'), /not be an Error: write its message/],
  ['a RegExp', /a/, /a RegExp, of which JSON keeps nothing/],
  ['Headers', new Headers(), /JSON keeps nothing/],
  ['URLSearchParams', new URLSearchParams('a=1'), /JSON keeps nothing/],
  ['a generator', (function* () {})(), /JSON keeps nothing/],
  ['an object whose fields are hidden', new Nothing(), /a Nothing, of which JSON keeps nothing/],
  ['a WeakMap', new WeakMap(), /JSON keeps nothing/],
  ['a Blob', new Blob(['a']), /JSON keeps nothing/],
  ...[Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array, Float64Array, BigInt64Array].map(Kind => [
    `a ${Kind.name}`, new Kind(2), /write Array\.from/
  ])
]) {
  test(`${what} as data is an error, and nothing is sent`, () => {
    const hub = createHub()
    for (const send of [() => hub.publish('t', data), ...(data === undefined ? [] : [() => encode({ data })])]) {
      assert.throws(send, error => {
        assert.deepEqual([error.code, error.field], ['SSECAST_INVALID_DATA', 'data'], String(error))
        assert.match(error.message, message)
        return true
      })
    }
    assert.equal(hub.stats().published, 0)
  })
}

for (const [data, text] of [
  [{}, '{}'],
  [Object.create(null), '{}'],
  [other('({})'), '{}'],
  [other('[1]'), '[1]'],
  [[], '[]'],
  [null, 'null'],
  [0, '0'],
  [false, 'false'],
  [new Date(0), '"1970-01-01T00:00:00.000Z"'],
  [Object.assign(new Map(), { toJSON: () => ({ own: 1 }) }), '{"own":1}'],
  [new (class Point { x = 1 })(), '{"x":1}'],
  [new String('x'), '"x"']
]) {
  test(`${text} goes as JSON`, () => assert.equal(String(Buffer.from(encode({ data }))), `data: ${text}\n\n`))
}

for (const [what, call] of [
  ['publish', fields => createHub().publish('t', 'x', fields)],
  ['encode', encode]
]) {
  for (const fields of ['tick', 5, ['tick'], null, Promise.resolve({}), new Map([['event', 'tick']])]) {
    test(`${what} refuses ${String(fields)} for fields, and says what they are`, () => {
      assert.throws(() => call(fields), { code: 'SSECAST_INVALID_OPTION', message: /^(fields|event) must be an object such as \{ event: 'tick'.* \}, not / })
    })
  }
}

for (const topic of [undefined, null, 7, ['a', 'b'], { topic: 't', data: 1 }, Symbol('t')]) {
  test(`${String(topic)} is no topic, and publish says how it is called`, () => {
    assert.throws(() => createHub().publish(topic), { code: 'SSECAST_INVALID_TOPIC', message: /^topic must be a string, as in publish\('ticks', data\), not / })
  })
}

for (const [what, realm] of [['this', undefined], ['another', vm.createContext({})]]) {
  test(`shared memory of ${what} realm may be written to while it is parsed`, async t => {
    const Shared = realm ? vm.runInContext('SharedArrayBuffer', realm) : SharedArrayBuffer
    const text = Buffer.from(`data: ${'é€😀'.repeat(6000)}\n\n`)
    const memory = new Shared(text.length)
    const chunk = new Uint8Array(memory)
    chunk.set(text)
    // What it says of itself is false.
    Object.defineProperty(chunk, 'buffer', { value: new ArrayBuffer(text.length) })
    const writer = new Worker(
      `const { workerData: { memory, text } } = require('node:worker_threads')
       const bytes = new Uint8Array(memory), cut = [0xf0, 0xe2, 0xc3, 0x41, 0x80, 0xff]
       for (let n = 0; ; n++) {
         bytes[6 + Math.floor(Math.random() * (text.length - 8))] = cut[n % 6]
         if (n % 200 === 0) bytes.set(text)
       }`,
      { eval: true, workerData: { memory, text } }
    )
    t.after(() => writer.terminate())
    await new Promise(resolve => writer.once('online', resolve))
    let events = 0
    for (let n = 1; n <= 300; n++) {
      createParser({ onEvent: () => events++ }).feed(chunk)
      assert.equal(events, n)
    }
  })
}
