import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'

import { createParser, SsecastError } from 'ssecast'

import { cut, logged, outcome } from './support/parser-log.mjs'

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
