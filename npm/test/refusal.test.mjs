// What a client may be refused with: the middleware repeats the listener's rule, and both are held to it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { createHub, SsecastError } from 'ssecast'

const vectors = JSON.parse(readFileSync(new URL('../../tests/vectors/refusals.json', import.meta.url)))
const bodyOf = body => (typeof body === 'object' ? body.repeat.repeat(body.times) : body)

test('what authorize refuses with is sent, or the field is named that can not be', async t => {
  const hub = createHub()
  t.after(() => hub.close({ graceMs: 0 }))
  let refusal
  const options = { topics: ['t'], cors: true, authorize: () => refusal }
  const { port } = await hub.listen(options)
  const failures = t.mock.method(console, 'error', () => {}).mock
  for (const { name, status, headers, body, field } of vectors) {
    refusal = { status, headers, body: bodyOf(body) }
    const failed = error => {
      assert.ok(error instanceof SsecastError, String(error))
      assert.deepEqual([error.code, error.field], ['SSECAST_INVALID_OPTION', field], name)
      return true
    }
    const listened = await fetch(`http://127.0.0.1:${port}/`, { redirect: 'manual' })
    assert.equal(listened.status, field ? 500 : status, name)
    if (field) failed(failures.calls.at(-1).arguments[0])
    const answer = hub.response(new Request('http://localhost/'), options)
    if (field) await assert.rejects(answer, failed)
    else assert.equal((await answer).status, status, name)
  }
})
