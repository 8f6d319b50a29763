// Runs the checks in a runtime that has Node's way to find packages and read files.
import { readFileSync } from 'node:fs'

import * as alias from 'ssecast/eventsource-parser'
import * as aliasStream from 'ssecast/eventsource-parser/stream'
import * as parser from 'ssecast/parser'

import { check } from './checks.mjs'

const vectors = name => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'))
const counts = await check({ parser, alias, aliasStream, parse: vectors('parse'), chunks: vectors('chunks') })
// The package without its addon's parts can be imported here too.
const whole = await import('ssecast')
if (typeof whole.createParser !== 'function') throw new Error('ssecast has no createParser here')
console.log(JSON.stringify(counts))
