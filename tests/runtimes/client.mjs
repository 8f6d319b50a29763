// Runs the client's scenarios in a runtime that has Node's way to find packages and read files: client.mjs PORTS WORD.
import { readFileSync } from 'node:fs'

import { EventSource } from 'ssecast/client'

import { run } from '../client/run.mjs'

const scenarios = JSON.parse(readFileSync(new URL('../client/scenarios.json', import.meta.url), 'utf8'))
const [ports, word] = process.argv.slice(2)
// Bun's fetch follows more than twenty redirects.
const except = process.versions.bun ? ['a redirect that never ends is a network error'] : []
console.log(JSON.stringify({ scenarios: await run(EventSource, scenarios, JSON.parse(ports), word, except) }))
// A timer or a socket that is left keeps the process, and fails the test.
