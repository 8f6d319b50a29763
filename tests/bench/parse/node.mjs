// Measures parsers of Node on the streams in a folder that `parse corpora` wrote: one line of JSON for each.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { createParser as createRival } from 'eventsource-parser'

const require = createRequire(import.meta.url)
const { createParser } = require('../../../npm')
const { EventSourceStream: Undici } = require('undici/lib/web/eventsource/eventsource-stream.js')
const quick = process.env.QUICK !== undefined

// Each takes chunks and returns how many units of data it saw, so that all can be seen to do the same work.
const ofBytes = {
  ssecast(chunks) {
    let seen = 0
    const parser = createParser({ onEvent: event => (seen += event.data.length) })
    for (const chunk of chunks) parser.feed(chunk)
    return seen
  },
  'eventsource-parser'(chunks) {
    let seen = 0
    const parser = createRival({ onEvent: event => (seen += event.data.length) })
    const decoder = new TextDecoder()
    for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }))
    return seen
  },
  undici(chunks) {
    let seen = 0
    const parser = new Undici({ push: event => (seen += event.options.data.length) })
    const done = error => assert.ifError(error)
    for (const chunk of chunks) parser._transform(chunk, '', done)
    return seen
  },
}
const ofStrings = {
  'ssecast, strings': ofBytes.ssecast,
  'eventsource-parser, strings'(chunks) {
    let seen = 0
    const parser = createRival({ onEvent: event => (seen += event.data.length) })
    for (const chunk of chunks) parser.feed(chunk)
    return seen
  },
}

const [folder] = process.argv.slice(2)
for (const { name, file, eventEnds, sizes } of JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))) {
  const bytes = readFileSync(join(folder, file))
  for (const size of sizes) measure(name, bytes, size, [...cut(bytes, size ?? eventEnds)])
}

function measure(corpus, bytes, chunk, chunks) {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const strings = chunks.map(piece => decoder.decode(piece, { stream: true }))
  // undici reads the Buffers of Node's streams; fetch gives the others plain bytes.
  const buffers = chunks.map(chunk => Buffer.from(chunk))
  const parsers = [
    ...Object.entries(ofBytes).map(([name, parse]) => [name, parse, name === 'undici' ? buffers : chunks]),
    ...Object.entries(ofStrings).map(([name, parse]) => [name, parse, strings]),
  ]
  const best = new Map()
  const wrong = new Set()
  let expected
  // The rounds take turns, so that a busy machine disturbs all alike; who takes half a second for a round has two.
  for (let round = 0; round < (quick ? 8 : 16); round++) {
    for (const [name, parse, input] of parsers) {
      if (round > 1 && best.get(name) > 500) continue
      const start = performance.now()
      const seen = parse(input)
      best.set(name, Math.min(best.get(name) ?? Infinity, performance.now() - start))
      if (seen !== (expected ??= seen)) wrong.add(name)
    }
  }
  for (const [parser, time] of best) {
    // Who loses events gets no number.
    const rate = wrong.has(parser) ? null : bytes.length / time / 1000
    console.log(JSON.stringify({ language: 'Node', corpus, chunk, parser, rate }))
  }
}

/** Views of the bytes: of one size, or up to each of these ends. */
function* cut(bytes, ends) {
  for (let start = 0, event = 0; start < bytes.length; event++) {
    const end = typeof ends === 'number' ? start + ends : ends[event]
    yield new Uint8Array(bytes.subarray(start, end))
    start = end
  }
}
