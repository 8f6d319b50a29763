import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { cut, logged, outcome, random } from './support/parser-log.mjs'
import { bytes, entry, text, vectors } from './support/vectors.mjs'

const next = random(6)
const irregular = Array.from({ length: 20 }, () => Array.from({ length: 37 }, () => 1 + next(16)))

describe('shared vectors', () => {
  for (const { name, input, items, last_event_id = '', max_event_bytes: maxEventBytes, error: code, unfinished } of vectors('parse')) {
    test(name, () => {
      const whole = bytes(input)
      const told = items => items.map(entry).filter(item => item.data !== undefined || item.id === undefined)
      const log = told(items)
      const options = { maxEventBytes }
      const check = (pieces, what) => {
        const chunks = [...pieces]
        const seen = outcome(chunks, options)
        // A failure must not print a difference of megabytes.
        if (seen.log.length !== log.length || whole.length < 100_000) assert.deepEqual(seen.log, log, what)
        else assert.ok(seen.log.every((item, index) => item.data === log[index].data), what)
        assert.equal(seen.code, code, what)
        if (!code) assert.equal(seen.lastEventId, text(last_event_id), what)
        if (!unfinished) return
        const ended = outcome(chunks, options, { dispatchUnfinished: true })
        assert.deepEqual(ended.log, [...log, ...told(unfinished)], what)
        assert.equal(ended.lastEventId, text(unfinished.at(-1)?.id ?? last_event_id), what)
        // Without the option, the unfinished event is dropped.
        assert.deepEqual(outcome(chunks, options, {}), seen, what)
      }
      check([whole], 'whole')
      const isText = Buffer.from(whole.toString()).equals(whole)
      const sizes = whole.length > 1_000_000 ? [[65_536], [1_021]] : [[1], [2], [3], [7], ...irregular]
      for (const size of sizes) {
        check(cut(whole, size), `bytes by ${size}`)
        if (isText) check(cut(whole.toString(), size), `string by ${size}`)
      }
      if (isText) check([whole.toString()], 'string')
    })
  }

  for (const { name, chunks } of vectors('chunks')) {
    test(name, () => {
      const { log, parser } = logged()
      for (const { input, items } of chunks) {
        parser.feed(bytes(input))
        const given = items.map(entry).filter(item => item.data !== undefined || item.id === undefined)
        assert.deepEqual(log.splice(0), given)
      }
    })
  }
})

describe('any stream gives the same', () => {
  // Bytes and strings, and chunks of different sizes, take different paths through the parser. Pieces that the paths could
  // see differently come far more often than chance would bring them.
  const PIECES = [
    'data: ', 'data:', 'data', 'event: ', 'event:', 'id: ', 'id', 'retry: ', ': ', ':', ' ', '1', 'x', 'message', 'hello world',
    '\0', '\r', '\r\n', '\n', '\n', '\n\n', '\n\n', '\ufeff', '\u2028', 'é', '€', '🎉', '\ud83c', '\udf89',
    'eventx', 'datax: ', 'idx', 'retry', 'retry:5', 'retry: 99999999999999999999\n', 'retry: 1 \n', 'retry:  1\n', 'retry: ١\n', 'id:\n', 'id\r', 'data\r\n',
    'id: \0\n', 'id: a\nid: é\n', 'event: é\nevent: e\n', 'event\n', ':c\r', 'Data: x\n', 'data : x\n', '\r\r', '\r\n\r\n', '\n\r', 'x'.repeat(5000),
    'data: {"a":1}\n\n', 'data: b\n\n', 'data: \ud83c\n\n', 'id: 1\u00002\ndata: f\n\n', 'event: message\ndata: g\n\n', 'event: \ndata: h\n\n', 'event: tick\ndata: c\n\n', 'id: 7\nevent: e\ndata: d\n\n', 'id: 8\n\n', 'x'.repeat(600),
  ]
  const stream = () => Array.from({ length: next(30) }, () => PIECES[next(PIECES.length)])
  const rounds = Number(process.env.PARSER_ROUNDS ?? 4000)

  test('as one chunk of bytes, and as strings and bytes cut anywhere', () => {
    for (let round = 0; round < rounds; round++) {
      const pieces = stream()
      const whole = pieces.join('')
      const encoded = Buffer.from(whole)
      const expected = outcome([encoded])
      const sizes = Array.from({ length: 5 }, () => 1 + next(next(4) === 0 ? 700 : 40))
      const what = JSON.stringify({ whole, sizes })
      assert.deepEqual(outcome(pieces), expected, what)
      assert.deepEqual(outcome(cut(whole, sizes)), expected, what)
      assert.deepEqual(outcome(cut(encoded, sizes)), expected, what)
      const mixed = [...cut(whole.toWellFormed(), sizes)].map(piece => (next(2) && piece.isWellFormed() ? Buffer.from(piece) : piece))
      // Halves of a character that come in different forms are no character.
      if (mixed.every(piece => typeof piece !== 'string' || piece.isWellFormed())) assert.deepEqual(outcome(mixed), expected, what)
      const limited = { maxEventBytes: next(60) }
      const failing = outcome([encoded], limited)
      assert.deepEqual(outcome(cut(whole, sizes), limited), failing, what)
      assert.deepEqual(outcome(cut(encoded, sizes), limited), failing, what)
    }
  })

  test('with bytes that are not UTF-8', () => {
    for (let round = 0; round < rounds; round++) {
      const broken = Buffer.concat(stream().flatMap(piece => [Buffer.from(piece), Buffer.from([next(256)])]))
      const sizes = Array.from({ length: 5 }, () => 1 + next(40))
      assert.deepEqual(outcome(cut(broken, sizes)), outcome([broken]), broken.toString('hex'))
      // Events as they mostly come: each in a chunk of its own, between others.
      const event = Buffer.concat([Buffer.from('data: '), Buffer.from(Array.from({ length: next(9) }, () => 0x80 + next(128))), Buffer.from('\n\n')])
      const first = Buffer.from('data: 1\n\n')
      assert.deepEqual(outcome([first, event, first]), outcome([Buffer.concat([first, event, first])]), event.toString('hex'))
    }
  })
})
