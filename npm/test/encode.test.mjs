import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { createHub, encode } from 'ssecast'

const text = bytes => new TextDecoder().decode(bytes)

test('encode writes every field, and gives bytes', () => {
  const event = { event: 'testEvent', id: '123', retry: 30000, data: { a: 4 }, comment: 'hello' }
  const bytes = encode(event)
  assert.ok(bytes instanceof Uint8Array)
  assert.equal(text(bytes), ': hello\nid: 123\nevent: testEvent\nretry: 30000\ndata: {"a":4}\n\n')
})

test('encode takes strings as they are, bytes as UTF-8, and anything else as JSON', () => {
  assert.equal(text(encode({ data: 'a "b"' })), 'data: a "b"\n\n')
  assert.equal(text(encode({ data: Buffer.from('é') })), 'data: é\n\n')
  assert.equal(text(encode({ data: new TextEncoder().encode('é').buffer })), 'data: é\n\n')
  assert.equal(text(encode({ data: new Uint8Array(Buffer.from('xéx')).subarray(1, 3) })), 'data: é\n\n')
  assert.equal(text(encode({ data: 1 })), 'data: 1\n\n')
  assert.equal(text(encode({ data: null })), 'data: null\n\n')
  assert.equal(text(encode({ data: false })), 'data: false\n\n')
  assert.equal(text(encode({ data: ['é\n'] })), 'data: ["é\\n"]\n\n')
  assert.equal(text(encode({ data: new Date(0) })), 'data: "1970-01-01T00:00:00.000Z"\n\n')
})

test('encode takes a whole number as an id', () => assert.equal(text(encode({ id: 7 })), 'id: 7\n\n'))

test('encode leaves the event that it was given as it was', () => {
  const event = Object.freeze({ data: Object.freeze({ a: 1 }), id: 1 })
  encode(event)
  assert.deepEqual(event, { data: { a: 1 }, id: 1 })
})

test('a lone surrogate becomes U+FFFD, never invalid UTF-8', () => {
  assert.equal(text(encode({ data: 'a\ud800b' })), 'data: a\ufffdb\n\n')
  assert.equal(Buffer.from(encode({ data: 'a\ud800b' })).includes(Buffer.from('\ufffd')), true)
})

test('data of 1 MiB and a byte is refused by a hub, and not by encode', () => {
  const data = 'x'.repeat((1 << 20) + 1)
  assert.equal(encode({ data }).length, data.length + 'data: \n\n'.length)
  assert.throws(() => createHub().publish('t', data), { code: 'SSECAST_EVENT_TOO_LARGE' })
})

const vectors = JSON.parse(readFileSync(new URL('../../tests/vectors/encode.json', import.meta.url)))
for (const { name, event, output, error: code, message } of vectors) {
  test(`shared vector: ${name}`, () => {
    const parts = Object.fromEntries(Object.entries(event).map(([field, value]) => [field, whole(value)]))
    if (code) assert.throws(() => encode(parts), message ? { code, message } : { code })
    else assert.equal(text(encode(parts)), whole(output))
  })
}

/** A vector's text: a part, or an array of them. */
function whole(part) {
  if (Array.isArray(part)) return part.map(whole).join('')
  if (typeof part === 'object' && part.repeat) return whole(part.repeat).repeat(part.times)
  return part
}
