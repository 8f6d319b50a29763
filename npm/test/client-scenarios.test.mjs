// The scenarios of every language's client, by `ssecast/client`, imported and required.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { scenarios, certificate, startServer } from '../../tests/client/start.mjs'
import { start } from './support/processes.mjs'

for (const [how, load] of Object.entries({ imported: "await import('ssecast/client')", required: "(await import('node:module')).createRequire(process.cwd() + '/')('ssecast/client')" })) {
  test(`the client, ${how}, does what every scenario says, and its process ends by itself`, { timeout: 60_000 }, async t => {
    const ports = await startServer(t)
    const program = `
      const { EventSource } = ${load}
      const { run } = await import(${JSON.stringify(new URL('../../tests/client/run.mjs', import.meta.url))})
      process.once('message', async ({ scenarios, ports }) => {
        console.log(await run(EventSource, scenarios, ports, ${JSON.stringify(how)}))
        process.disconnect()
      })`
    const child = start(t, ['--input-type=module', '-e', program], {
      cwd: new URL('..', import.meta.url),
      env: { NODE_EXTRA_CA_CERTS: certificate },
    })
    child.send({ scenarios, ports })
    assert.equal(await child.exited, 0, child.output)
    assert.equal(child.output, `${scenarios.length}\n`)
  })
}
