import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import vm from 'node:vm'

import { createParser, SsecastError } from 'ssecast'

import { cut, logged, random } from './support/parser-log.mjs'
import { bytes, entry, text, vectors } from './support/vectors.mjs'

const next = random(6)
const irregular = Array.from({ length: 20 }, () => Array.from({ length: 37 }, () => 1 + next(16)))

/** Everything that can be seen of a stream that is fed in these chunks. */
function outcome(chunks, options, end) {
  const { log, parser } = logged(options)
  let code
  try {
    for (const chunk of chunks) parser.feed(chunk)
    if (end) parser.reset(end)
  } catch (error) {
    code = error.code
  }
  // Half a pair of surrogates is no UTF-8: where strings keep it, bytes have U+FFFD.
  const wellFormed = item => Object.fromEntries(Object.entries(item).map(([name, text]) => [name, text?.toWellFormed?.() ?? text]))
  return { log: log.map(wellFormed), code, lastEventId: parser.lastEventId.toWellFormed() }
}

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
        // A difference of megabytes helps nobody who reads it.
        if (seen.log.length !== log.length || whole.length < 100_000) assert.deepEqual(seen.log, log, what)
        else assert.ok(seen.log.every((item, index) => item.data === log[index].data), what)
        assert.equal(seen.code, code, what)
        if (!code) assert.equal(seen.lastEventId, text(last_event_id), what)
        if (!unfinished) return
        const ended = outcome(chunks, options, { dispatchUnfinished: true })
        assert.deepEqual(ended.log, [...log, ...told(unfinished)], what)
        assert.equal(ended.lastEventId, text(unfinished.at(-1)?.id ?? last_event_id), what)
        // Where nobody asks, nothing comes but an unfinished line.
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
  // Bytes are parsed by the Rust core and strings in JavaScript. Pieces that the two could see differently come far more
  // often than chance would bring them.
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

test('an event has the shape that users of eventsource-parser know, and the last event ID', () => {
  const events = []
  const parser = createParser({ onEvent: event => events.push(event) })
  parser.feed('id: 1\nevent: tick\ndata: a\ndata: b\n\ndata: c\n\n')
  assert.deepEqual(events, [
    { id: '1', event: 'tick', data: 'a\nb', lastEventId: '1' },
    { id: undefined, event: undefined, data: 'c', lastEventId: '1' },
  ])
})

test('a parser without callbacks still knows the last event ID', () => {
  const parser = createParser({})
  parser.feed(': x\nretry: 5\nid: 7\n\n')
  parser.feed('id: 8\ndata: x\n\n')
  assert.equal(parser.lastEventId, '8')
})

test('feed and reset need no this', () => {
  const events = []
  const { feed, reset } = createParser({ onEvent: event => events.push(event.data) })
  feed('data: lost')
  reset()
  feed('data: 1\n\n')
  assert.deepEqual(events, ['1'])
})

describe('an error that a callback throws', () => {
  const stream = 'data: 0\n\n: c\nretry: 1\nid: 2\ndata: 2\n\n' + Array.from({ length: 20 }, (_, n) => `data: ${n + 3}\n\n`).join('')
  const items = outcome([Buffer.from(stream)]).log
  const large = `data: ${'x'.repeat(70_000)}\n\n`
  const chunkings = {
    'one chunk of bytes': [Buffer.from(stream)],
    'one string': [stream],
    'a string between events': ['data: first\n\n', stream],
    'events of their own': ['data: first\n\n', ...stream.split(/(?<=\n\n)/).map(event => Buffer.from(event))],
    'bytes, one by one': cut(Buffer.from(stream), [1]),
    'a chunk larger than a piece': [Buffer.from(large + stream + large + stream)],
  }
  for (const [name, chunks] of Object.entries(chunkings)) {
    test(`reaches the caller, and nothing is lost or comes twice: ${name}`, () => {
      const pieces = [...chunks]
      const expected = outcome(pieces).log
      assert.ok(expected.length >= items.length)
      for (const failing of [1, 2, 3, Infinity]) {
        const seen = []
        const failure = new Error('on purpose')
        const note = what => {
          seen.push(what)
          if (failing === Infinity || seen.length % failing === 0) throw failure
        }
        const parser = createParser({
          onEvent: note,
          onComment: comment => note({ comment }),
          onRetry: retry => note({ retry }),
        })
        let thrown = 0
        const attempt = chunk => {
          // The caller's memory is the caller's again, also after an error.
          const own = typeof chunk === 'string' ? chunk : Buffer.from(chunk)
          try {
            parser.feed(own)
          } catch (error) {
            assert.equal(error, failure)
            thrown++
          }
          if (typeof own !== 'string') own.fill(0)
        }
        for (const piece of pieces) attempt(piece)
        for (let before = -1; before !== thrown;) {
          before = thrown
          attempt('')
        }
        assert.deepEqual(seen, expected)
        assert.equal(thrown, failing === Infinity ? expected.length : Math.floor(expected.length / failing))
      }
    })
  }
})

describe('a callback may', () => {
  test('feed: what it feeds comes after the chunk under way, and is copied', () => {
    for (const form of [String, Buffer.from]) {
      for (const first of ['', 'data: 0\n\n']) {
        const seen = []
        const parser = createParser({
          onEvent({ data }) {
            seen.push(data)
            if (data !== '1') return
            const more = Buffer.from('data: 3\n\ndata: 4\n\n')
            parser.feed(more)
            more.fill(0)
          },
        })
        parser.feed(form(first))
        parser.feed(form('data: 1\n\ndata: 2\n\n'))
        assert.deepEqual(seen.filter(data => data !== '0'), ['1', '2', '3', '4'])
        parser.feed(form('data: 5\n\n'))
        assert.equal(seen.at(-1), '5')
      }
    }
  })

  test('reset: where bytes come next, a BOM of the string after them is not at the beginning', () => {
    const { log, parser } = logged({
      onEvent(event) {
        log.push(event.data)
        if (event.data === '1') parser.reset()
      },
    })
    for (const data of [0, 1, 2]) parser.feed(Buffer.from(`data: ${data}\n\n`))
    parser.feed('\ufeffdata: 3\n\ndata: 4\n\n')
    assert.deepEqual(log, ['0', '1', '2', '4'])
  })

  test('reset: nothing more comes of what was fed before', () => {
    for (const first of ['', 'data: 0\n\n']) {
      const seen = []
      const parser = createParser({
        onEvent({ data }) {
          seen.push(data)
          if (data === '1') {
            parser.feed('data: dropped\n\n')
            parser.reset()
            parser.feed('data: 3\n\n')
          }
        },
      })
      parser.feed(first)
      parser.feed('data: 1\n\ndata: 2\n\ndata: cut off')
      parser.feed('data: 4\n\n')
      assert.deepEqual(seen.filter(data => data !== '0'), ['1', '3', '4'])
    }
  })

  test('feed another parser', () => {
    const seen = []
    const inner = createParser({ onEvent: ({ data }) => seen.push(`inner ${data}`) })
    const outer = createParser({
      onEvent({ data }) {
        inner.feed(Buffer.from(`data: ${data}\n\n`))
        seen.push(`outer ${data}`)
      },
    })
    for (const _ of [1, 2]) outer.feed('data: 1\n\ndata: 2\n\n')
    assert.deepEqual(seen, Array(2).fill(['inner 1', 'outer 1', 'inner 2', 'outer 2']).flat())
  })
})

describe('reset', () => {
  test('drops an incomplete event, keeps the last event ID, and expects a new stream', () => {
    const { log, parser } = logged()
    parser.feed('id: 1\ndata: a\n\nid: 2\ndata: cut off\nretry: 5')
    parser.reset()
    assert.equal(parser.lastEventId, '1')
    parser.feed('\ufeffdata: b\n\n')
    parser.reset()
    parser.feed(Buffer.from('\ufeffdata: c\n\n'))
    assert.deepEqual(log.map(({ data, lastEventId }) => [data, lastEventId]), [['a', '1'], ['b', '1'], ['c', '1']])
  })

  test('with consume takes an unfinished line as finished, and still drops the event', () => {
    for (const line of [': note', ': note\n', ': note\r']) {
      const { log, parser } = logged()
      parser.feed(`data: x\n${line}`)
      parser.reset({ consume: true })
      parser.feed('data: y\n\n')
      assert.deepEqual(log.map(({ comment, data }) => comment ?? data), ['note', 'y'])
    }
    const { log, parser } = logged()
    parser.feed('data: x\nretry: 5')
    parser.reset({ consume: true })
    assert.deepEqual(log, [{ retry: 5 }])
  })

  test('with dispatchUnfinished delivers an unfinished event, and what an error has held up before it', () => {
    const seen = []
    const onEvent = ({ data }) => {
      seen.push(data)
      if (data === '1') throw new Error('on purpose')
    }
    const parser = createParser({ onEvent })
    assert.throws(() => parser.feed('data: 1\n\ndata: 2\n\nid: 5\ndata: 3'), /on purpose/)
    parser.reset({ dispatchUnfinished: true })
    assert.deepEqual(seen, ['1', '2', '3'])
    assert.equal(parser.lastEventId, '5')
    parser.reset({ dispatchUnfinished: true })
    parser.feed('data: 4\n\n')
    assert.deepEqual(seen, ['1', '2', '3', '4'])
  })

  test('with consume delivers what an error has held up, and without it does not', () => {
    for (const consume of [true, false]) {
      const seen = []
      const onEvent = ({ data }) => {
        seen.push(data)
        if (data === '1') throw new Error('on purpose')
      }
      const parser = createParser({ onEvent })
      assert.throws(() => parser.feed('data: 1\n\ndata: 2\n\n'), /on purpose/)
      parser.reset({ consume })
      parser.feed('data: 3\n\n')
      assert.deepEqual(seen, consume ? ['1', '2', '3'] : ['1', '3'])
    }
  })
})

describe('an event over the limit', () => {
  const options = { maxEventBytes: 10 }

  test('is thrown after what came before it, each time until reset', () => {
    const { log, parser } = logged(options)
    const tooLarge = { code: 'SSECAST_EVENT_TOO_LARGE', field: 'event', name: 'SsecastError' }
    assert.throws(() => parser.feed('data: 1234\n\ndata: 12345\n\ndata: 6\n\n'), tooLarge)
    assert.throws(() => parser.feed('data: 7\n\n'), tooLarge)
    assert.deepEqual(log.map(({ data }) => data), ['1234'])
    parser.reset()
    parser.feed('data: 8\n\n')
    assert.deepEqual(log.map(({ data }) => data), ['1234', '8'])
  })

  test('is given to onError, and thrown from then on', () => {
    const errors = []
    const { log, parser } = logged({ ...options, onError: error => errors.push(error) })
    parser.feed('data: 1\n\ndata: 123456\n\n')
    assert.ok(errors[0] instanceof SsecastError)
    assert.throws(() => parser.feed('data: 2\n\n'), { code: 'SSECAST_EVENT_TOO_LARGE' })
    assert.deepEqual([errors.length, log.length], [1, 1])
    parser.reset()
    parser.feed('data: 123456\n\n')
    assert.equal(errors.length, 2)
  })

  test('is found in small chunks between events too', () => {
    for (const form of [String, Buffer.from]) {
      const { log, parser } = logged(options)
      for (const _ of [1, 2, 3]) parser.feed(form('data: 1\n\n'))
      assert.throws(() => parser.feed(form('data: 12345\n\n')), { code: 'SSECAST_EVENT_TOO_LARGE' })
      assert.equal(log.length, 3)
    }
  })

  test('is one by the bytes of UTF-8, for strings too', () => {
    for (const block of ['event: é\nevent: e\ndata: x', 'id: €\nid: e\ndata: x', 'data: 🎉é', ':🎉🎉🎉\nid: é\ndata: é\ndata: x', 'x€€€\ndata: €', 'event: é\n:€€€\nevent: e\ndata',
      `event: é\nevent: e\ndata: ${'x'.repeat(60)}`, `id: é\nid: e\ndata: ${'x'.repeat(60)}`]) {
      const whole = `${block}\n\n`
      for (let maxEventBytes = 0; maxEventBytes < 100; maxEventBytes++) {
        const expected = outcome([Buffer.from(whole)], { maxEventBytes })
        for (const size of [whole.length, 1, 2, 5]) assert.deepEqual(outcome(cut(whole, [size]), { maxEventBytes }), expected, `${whole} by ${size}`)
      }
    }
  })

  test('has the same error for bytes and for strings', () => {
    const [one, other] = [String, Buffer.from].map(form => {
      try {
        createParser(options).feed(form('data: 12345\n\n'))
      } catch (error) {
        return error
      }
    })
    assert.ok(one instanceof SsecastError)
    assert.deepEqual({ ...one, message: one.message }, { ...other, message: other.message })
  })

  test('ends the stream also where the next event would be small', () => {
    const { log, parser } = logged({ maxEventBytes: 200_000 })
    assert.throws(() => parser.feed(`data: ${'x'.repeat(200_000)}\n\n`), { code: 'SSECAST_EVENT_TOO_LARGE' })
    assert.throws(() => parser.feed('data: 1\n\n'), { code: 'SSECAST_EVENT_TOO_LARGE' })
    assert.deepEqual(log, [])
  })
})

describe('a stream of strings and bytes', () => {
  const seen = chunks => outcome(chunks).log.map(({ data, comment, retry }) => data ?? comment ?? retry)

  test('goes on with a block in the other form, and with characters that were cut', () => {
    const euro = Buffer.from('€')
    assert.deepEqual(seen(['data: a', Buffer.from('b\n: c\n'), '\ndata: d\n\n']), ['c', 'ab', 'd'])
    assert.deepEqual(seen([Buffer.from('data: a'), 'b€\nretry: 5\n', Buffer.from('\ndata: d\n\n')]), [5, 'ab€', 'd'])
    assert.deepEqual(seen(['data: ', euro.subarray(0, 1), euro.subarray(1), '\n\n']), ['€'])
    assert.deepEqual(seen([Buffer.from('data: '), '\ud83c', '\udf89\n\n']), ['🎉'])
  })

  test('may change its form anywhere', () => {
    for (const end of ['\n', '\r', '\r\n']) {
      const whole = ['id: 1', 'data: a', 'data: b', '', ': c', 'event: e', 'data: d', '', 'x', 'data: f', '', ''].join(end)
      const expected = outcome([whole])
      for (let at = 0; at <= whole.length; at++) {
        const [head, tail] = [whole.slice(0, at), whole.slice(at)]
        assert.deepEqual(outcome([Buffer.from(head), tail]), expected, `${JSON.stringify(whole)} at ${at}`)
        assert.deepEqual(outcome([head, Buffer.from(tail)]), expected, `${JSON.stringify(whole)} at ${at}`)
      }
    }
  })

  test('keeps a pair of surrogates that strings were cut in', () => {
    assert.deepEqual(seen(['data: a\ndata: \ud83c', '\udf89\n\n']), ['a\n🎉'])
    assert.deepEqual(seen(['data: \ud83c', '\udf89', '\ud83c', '\n\n']), ['🎉\ufffd'])
  })

  test('keeps half a pair that a string has', () => {
    const { log, parser } = logged()
    for (const chunk of ['data: \ud83c\n\n', 'data: \udf89', '\n\n']) parser.feed(chunk)
    assert.deepEqual(log.map(({ data }) => data), ['\ud83c', '\udf89'])
  })

  test('has U+FFFD where a part of a character is followed by the other form', () => {
    const euro = Buffer.from('€')
    assert.deepEqual(seen(['data: ', euro.subarray(0, 2), 'x\n\n']), ['\ufffdx'])
    assert.deepEqual(seen(['data: a\n', Buffer.from('\n\xe2', 'latin1'), 'data: x\n\ndata: b\n\n']), ['a', 'b'])
    assert.deepEqual(seen([Buffer.from('data: '), '\ud83c', Buffer.from('x\n\n')]), ['\ufffdx'])
    assert.deepEqual(seen([Buffer.from('data: a\n'), '\n\ud83c', '\udf89data: x\n\ndata: b\n\n']), ['a', 'b'])
    assert.deepEqual(seen(['data: \ud83c', Buffer.from('x\n\n')]), ['\ufffdx'])
    // At the beginning of a line it makes the line one that means nothing.
    const split = [Buffer.from('\n\n\xe2', 'latin1'), Buffer.from('data: x\n\ndata: b\n\n')]
    assert.deepEqual(seen([Buffer.from('data: 0\n\n'), 'data: a', ...split]), ['0', 'a', 'b'])
    assert.deepEqual(seen(['data: a\n', Buffer.from('\n\xe2', 'latin1'), Buffer.from('data: x\n\ndata: b\n\n')]), ['a', 'b'])
    assert.deepEqual(seen([Buffer.from('data: a'), '\n\n\ud83c', 'data: x\n\ndata: b\n\n']), ['a', 'b'])
  })

  test('has a BOM at its beginning alone', () => {
    for (const [first, second] of [[String, Buffer.from], [Buffer.from, String]]) {
      assert.deepEqual(seen([first('\n'), second('\ufeffdata: a\n\ndata: b\n\n')]), ['b'])
      assert.deepEqual(seen([first('\ufeff'), second('\ufeffdata: a\n\ndata: b\n\n')]), ['b'])
      assert.deepEqual(seen([first('data: 0\n\n'), second('\ufeffdata: a\n\ndata: b\n\n')]), ['0', 'b'])
      assert.deepEqual(seen([first('\ufeff'), second('data: a\n\ndata: b\n\n')]), ['a', 'b'])
    }
  })
})

test('what the specification ignores is not an error', () => {
  const { log, parser } = logged({ onError: assert.fail })
  parser.feed('foo: x\nretry: soon\nretry: -1\nid: a\0b\n\u0000\ndata\n\n')
  assert.deepEqual(log, [{ event: undefined, data: '', id: undefined, lastEventId: '' }])
})

test('options and chunks that make no sense are refused, and change nothing', () => {
  const invalid = field => ({ code: 'SSECAST_INVALID_OPTION', field })
  assert.throws(() => createParser(() => {}), invalid('options'))
  assert.throws(() => createParser(), invalid('options'))
  assert.throws(() => createParser({ onEvents() {} }), invalid('onEvents'))
  assert.throws(() => createParser({ onEvent: 'log' }), invalid('onEvent'))
  for (const maxEventBytes of [-1, 1.5, '1', -Infinity, NaN, null, 2n]) {
    assert.throws(() => createParser({ maxEventBytes }), invalid('maxEventBytes'))
  }
  const { log, parser } = logged({ maxEventBytes: 2 ** 40 })
  parser.feed('data: ')
  for (const chunk of [undefined, null, 1, {}, [100], new Uint16Array(2), new Blob([])]) {
    assert.throws(() => parser.feed(chunk), { code: 'SSECAST_INVALID_DATA', field: 'chunk' })
  }
  parser.feed('1\n\n')
  assert.equal(log[0].data, '1')
})

test('bytes may be an ArrayBuffer, a DataView, or of another realm', () => {
  const { log, parser } = logged()
  const bytes = new TextEncoder().encode('data: é\n\n')
  for (const chunk of [bytes.buffer, new DataView(bytes.buffer), vm.runInNewContext('Uint8Array').from(bytes), vm.runInNewContext('Uint8Array').from(bytes).buffer]) {
    parser.feed(chunk)
    parser.feed(bytes)
  }
  assert.deepEqual(log.map(({ data }) => data), Array(8).fill('é'))
})

describe('without a limit', () => {
  const parse = (chunks, maxEventBytes) => outcome(chunks, { maxEventBytes })

  test('an event may be larger than the default allows', () => {
    const data = 'x'.repeat(17 << 20)
    for (const whole of [`data: ${data}\n\n`, Buffer.from(`data: ${data}\n\n`)]) {
      for (const size of [1 << 16, whole.length]) {
        assert.equal(parse(cut(whole, [size])).code, 'SSECAST_EVENT_TOO_LARGE')
        const { log, code } = parse(cut(whole, [size]), Infinity)
        assert.equal(code, undefined)
        assert.ok(log[0].data === data)
      }
    }
  })
})

test('lines that mean nothing are not kept, however long they are', () => {
  // With 64 MiB for all of the process, 256 MiB of one line can't be anywhere.
  const program = `
    import { createParser } from 'ssecast/parser'
    const chunk = new Uint8Array(1 << 16).fill(120)
    for (const begin of [':', 'unknown: ', 'retry: ', '\\0']) {
      for (const callbacks of [{}, { onComment() {}, onRetry() {} }]) {
        const seen = []
        const parser = createParser({ ...callbacks, onEvent: ({ data }) => seen.push(data), maxEventBytes: 1 << 20 })
        parser.feed('data: a\\n' + begin)
        for (let n = 0; n < 4096; n++) parser.feed(n % 2 ? chunk : 'x'.repeat(1 << 16))
        parser.feed('\\ndata: b\\n\\n')
        if (seen.join() !== 'a\\nb') throw new Error(begin + seen)
      }
    }
    console.log('done')`
  const { stdout, stderr } = spawnSync(process.execPath, ['--max-old-space-size=64', '--input-type=module', '-e', program], { cwd: new URL('..', import.meta.url), encoding: 'utf8' })
  assert.equal(stdout, 'done\n', stderr)
})

test('bytes may be a view, shared memory, or nothing', () => {
  const { log, parser } = logged()
  const stream = Buffer.from('data: 1\n\n')
  const shared = new Uint8Array(new SharedArrayBuffer(stream.length))
  shared.set(stream)
  parser.feed(new Uint8Array(Buffer.from(`xx${stream}xx`)).subarray(2, -2))
  parser.feed(shared)
  const large = new Uint8Array(new SharedArrayBuffer(5000)).fill(58)
  large.set(stream)
  parser.feed(large)
  parser.feed(new Uint8Array())
  parser.feed('\n')
  const gone = new Uint8Array(9)
  structuredClone(gone, { transfer: [gone.buffer] })
  parser.feed(gone)
  assert.deepEqual(log.map(({ data }) => data).filter(Boolean), ['1', '1', '1'])
})

test('a chunk with very many items, and one that is very long, are given whole', () => {
  const { log, parser } = logged()
  parser.feed(Buffer.from(':\n'.repeat(200_000)))
  assert.equal(log.length, 200_000)
  parser.feed(Buffer.from('data: x\n\n'.repeat(50_000)))
  assert.equal(log.length, 250_000)
  parser.feed(`data: ${'é'.repeat(3_000_000)}\n\n`)
  assert.equal(log.at(-1).data.length, 3_000_000)
  assert.match(log.at(-1).data, /^é+$/)
})
