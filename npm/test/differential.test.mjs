// The same streams through eventsource-parser and undici: a difference needs a rule that explains it.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'

import { createParser as createRival } from 'eventsource-parser'
import { createParser } from 'ssecast'

import { cut, random } from './support/parser-log.mjs'
import { bytes, vectors } from './support/vectors.mjs'

const { EventSourceStream: Undici } = createRequire(import.meta.url)('undici/lib/web/eventsource/eventsource-stream.js')

const PIECES = [
  'data: ', 'data:', 'data', 'event: ', 'event', 'id: ', 'id', 'retry: ', ': ', ':', ' ', '1', 'x', 'hello world', 'DATA: ', '\0', '\r',
  '\r\n', '\n', '\n\n', '\n\n', '\ufeff', '\u2028', 'é', '🎉', 'data: {"a":1}\n\n', 'id: 7\nevent: e\ndata: d\n\n', 'id: 8\n\n', 'data: é\r\n\r\n',
  'id: 9\r\nevent: e\r\ndata: d\r\ndata: d\r\n\r\n', 'data: d\r\r',
]
const next = random(7)
const streams = [
  ...vectors('parse').filter(vector => !vector.error).map(({ input }) => bytes(input)).filter(({ length }) => length < 100_000),
  ...Array.from({ length: 3000 }, () => Buffer.from(Array.from({ length: next(30) }, () => PIECES[next(PIECES.length)]).join(''))),
]

const text = stream => stream.toString().replaceAll(/\r\n?/g, '\n')

/** Each parser, what it sees of a stream, and the rules that it does not follow: where they may make a difference. */
const rivals = {
  'eventsource-parser': {
    see(chunks) {
      const seen = []
      const decoder = new TextDecoder()
      const parser = createRival({ onEvent: ({ event = 'message', id, data }) => seen.push([event, data, id]) })
      for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }))
      return seen
    },
    ours: ({ event = 'message', id, data }) => [event, data, id],
    explained: { 'SPEC 2: only one BOM is dropped': stream => stream.toString().startsWith('\ufeff\ufeff') },
  },
  undici: {
    see(chunks) {
      const seen = []
      const push = ({ type, options: { data, lastEventId = '' } }) => seen.push([type, data, lastEventId])
      const parser = new Undici({ push })
      for (const chunk of chunks) parser._transform(Buffer.from(chunk), '', error => assert.ifError(error))
      return seen
    },
    ours: ({ event = 'message', data, lastEventId }) => [event, data, lastEventId],
    explained: {
      'SPEC 8: the last type wins, an empty one too': stream => /^event: ?.+\n([^]*\n)?event(: ?)?\n/m.test(text(stream)),
    },
  },
}

for (const [name, { see, ours, explained }] of Object.entries(rivals)) {
  test(`${name} sees the same events, but for ${Object.keys(explained).join(', and ')}`, () => {
    const used = new Set()
    for (const stream of streams) {
      for (const size of [stream.length + 1, 1 + next(20)]) {
        const chunks = [...cut(stream, [size])]
        const events = []
        const parser = createParser({ onEvent: event => events.push(ours(event)) })
        for (const chunk of chunks) parser.feed(chunk)
        if (isDeepStrictEqual(see(chunks), events)) continue
        const rule = Object.keys(explained).find(rule => explained[rule](stream))
        assert.ok(rule, `${JSON.stringify(stream.toString())} by ${size}: ${JSON.stringify([see(chunks), events])}`)
        used.add(rule)
      }
    }
    assert.deepEqual([...used], Object.keys(explained), 'an explanation that nothing needs is out of date')
  })
}
