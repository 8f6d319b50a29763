// A process with few descriptors.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { join } from './support/client.mjs'

const server = fileURLToPath(new URL('support/few-descriptors.mjs', import.meta.url))

test('with 256 descriptors 200 streams are served, some of them by pull, and a file can be opened', { skip: process.platform === 'win32' }, async t => {
  const child = spawn('sh', ['-c', 'ulimit -n 256 && exec "$0" "$1"', process.execPath, server], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.after(() => child.kill('SIGKILL'))
  const [{ url }] = await once(child, 'message')
  const clients = []
  for (let n = 0; n < 200; n++) clients.push(await join(url))
  const told = once(child, 'message')
  child.send('publish')
  const [{ subscribers, deliveries, file }] = await told
  assert.equal(subscribers, 200)
  assert.ok(deliveries.socket > 0 && deliveries.pull > 0, JSON.stringify(deliveries))
  assert.equal(file, 'opened')
  for (const client of clients) assert.deepEqual(await client.has(1), ['x'])
})
