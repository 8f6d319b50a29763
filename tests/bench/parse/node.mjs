// Measures parsers of Node on the streams in a folder that `parse corpora` wrote: one line of JSON for each. run.mjs runs it on
// each version of Node.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { createParser as createRival } from 'eventsource-parser'
import { EventSourceParserStream as RivalStream } from 'eventsource-parser/stream'

const require = createRequire(import.meta.url)
const { createParser, events, EventSourceParserStream } = require('../../../npm/dist/parser')
const { createParser: createAlias } = require('../../../npm/dist/eventsource-parser')
const { EventSourceStream: Undici } = require('undici/lib/web/eventsource/eventsource-stream.js')

const language = `Node ${process.versions.node.split('.')[0]}`
const quick = process.env.QUICK !== undefined
/** So much of each stream is parsed in each of so many rounds: short ones, some of which a busy machine leaves alone. */
const BYTES = 1 << 20
const ROUNDS = quick ? 10 : 40

const all = (create, chunks) => {
  let seen = 0
  const parser = create({ onEvent: event => (seen += event.data.length) })
  for (const chunk of chunks) parser.feed(chunk)
  return seen
}
const sum = async iterable => {
  let seen = 0
  for await (const { data } of iterable) seen += data.length
  return seen
}
const body = chunks => {
  let next = 0
  return new ReadableStream({
    pull(controller) {
      if (next < chunks.length) controller.enqueue(chunks[next++])
      else controller.close()
    },
  })
}

// Each takes chunks and returns how many units of data it saw, so that all can be seen to do the same work.
const ofBytes = {
  ssecast: chunks => all(createParser, chunks),
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
  'ssecast, strings': chunks => all(createParser, chunks),
  'ssecast/eventsource-parser, strings': chunks => all(createAlias, chunks),
  'eventsource-parser, strings': chunks => all(createRival, chunks),
}
const ofStreams = {
  'ssecast, events': chunks => sum(events(body(chunks))),
  'ssecast, pipeline': chunks => sum(body(chunks).pipeThrough(new EventSourceParserStream())),
  'eventsource-parser, pipeline': chunks => sum(body(chunks).pipeThrough(new TextDecoderStream()).pipeThrough(new RivalStream())),
}

const [folder] = process.argv.slice(2)
for (const { name, file, eventEnds, sizes } of JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))) {
  const end = eventEnds.find(end => end >= BYTES) ?? eventEnds.at(-1)
  const bytes = readFileSync(join(folder, file)).subarray(0, end)
  for (const size of sizes) await measure(name, bytes, size, [...cut(bytes, size ?? eventEnds)])
}

async function measure(corpus, bytes, chunk, chunks) {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const strings = chunks.map(piece => decoder.decode(piece, { stream: true }))
  // undici reads the Buffers of Node's streams; fetch gives the others plain bytes.
  const buffers = chunks.map(chunk => Buffer.from(chunk))
  const parsers = [
    ...Object.entries(ofBytes).map(([name, parse]) => [name, parse, name === 'undici' ? buffers : chunks, ROUNDS]),
    ...Object.entries(ofStrings).map(([name, parse]) => [name, parse, strings, ROUNDS]),
    ...Object.entries(ofStreams).map(([name, parse]) => [name, parse, chunks, ROUNDS / 5]),
  ]
  const best = new Map()
  const wrong = new Set()
  let expected
  for (let round = 0; round < ROUNDS; round++) {
    for (let turn = 0; turn < parsers.length; turn++) {
      // They take turns, so that a busy machine disturbs all alike, and none is always the first.
      const [name, parse, input, rounds] = parsers[(turn + round) % parsers.length]
      if (round >= rounds) continue
      // What the one before has left in caches and for the collector is not this one's.
      await parse(input)
      const start = performance.now()
      const seen = await parse(input)
      best.set(name, Math.min(best.get(name) ?? Infinity, performance.now() - start))
      if (seen !== (expected ??= seen)) wrong.add(name)
    }
  }
  const ascii = bytes.every(byte => byte < 0x80)
  for (const [parser, time] of best) {
    // A parser that loses events gets no number.
    const rate = wrong.has(parser) ? null : bytes.length / time / 1000
    console.log(JSON.stringify({ language, corpus, chunk, parser, rate, ascii }))
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
