// The counters as a scraper reads them.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createHub } from 'ssecast'

const fresh = readFileSync(new URL('../../tests/vectors/metrics.txt', import.meta.url), 'utf8')

test('a fresh hub says what every language says, and an event is counted', () => {
  const hub = createHub()
  assert.equal(hub.metrics(), fresh)
  hub.publish('ticks', '1')
  assert.match(hub.metrics(), /\nssecast_published_events_total 1\n/)
})
