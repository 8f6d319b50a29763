// Clients whose network goes away: no end and no reset reaches the server.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { start } from './support/processes.mjs'

const program = fileURLToPath(new URL('support/vanishing-network.mjs', import.meta.url))
const own = [['-n'], ['-r', '-n']].find(flags => spawnSync('unshare', [...flags, 'true']).status === 0)

for (const kind of ['heartbeats', 'quiet']) {
  const skip = own ? false : 'a network of its own is not permitted here'
  test(`a client whose network vanished is gone soon, whatever the event loop writes it with (${kind})`, { skip }, async t => {
    const server = start(t, [program, kind], { command: ['unshare', ...own] })
    const [{ skipped, reasons }] = await once(server, 'message')
    if (skipped) return t.skip(skipped)
    assert.deepEqual(reasons, { http: 'client', https: 'client', http2: 'client' })
  })
}
