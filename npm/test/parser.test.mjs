import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import vm from 'node:vm'

import { createParser } from 'ssecast'

import { cut, logged, outcome } from './support/parser-log.mjs'

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
