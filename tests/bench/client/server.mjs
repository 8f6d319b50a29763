// What the clients are measured on: one server, a process of its own, with the same bytes for all. `node server.mjs` prints its port.
//
// /saturating?events=&piece=   as fast as they are read, in pieces of so many bytes
// /paced?events=&rate=         one at a time; the data says when it was written: nanoseconds of CLOCK_MONOTONIC, and milliseconds of the day's clock for pages
// /idle                        one event, and then nothing
//
// An event has an id, and about 150 bytes of data, as a delta of a language model has. The last one is of the type `end`.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { pipeline } from 'node:stream/promises'

const delta = number => `id: ${number}\ndata: {"id":"chatcmpl-9a8b7c6d5e4f","object":"chat.completion.chunk","created":1790000000,` +
  `"choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n`
const END = 'event: end\ndata: end\n\n'

/** The streams that were asked for before: they are made once, so that the server waits for its client and not the other way round. */
const streams = new Map()
function stream(events) {
  if (!streams.has(events)) {
    streams.set(events, Buffer.from(Array.from({ length: events }, (_, number) => delta(number)).join('') + END))
  }
  return streams.get(events)
}

const routes = {
  async '/saturating'(response, query) {
    const bytes = stream(Number(query.get('events')))
    const piece = Number(query.get('piece'))
    const pieces = function* () {
      for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
    }
    // A client that leaves ends it.
    await pipeline(pieces, response).catch(() => {})
  },
  async '/paced'(response, query) {
    const [events, rate] = ['events', 'rate'].map(name => Number(query.get(name)))
    let sent = 0
    const begun = performance.now()
    while (sent < events && !response.destroyed) {
      for (const due = ((performance.now() - begun) * rate) / 1000; sent < Math.min(due, events); sent++) {
        response.write(`id: ${sent}\ndata: ${process.hrtime.bigint()} ${performance.timeOrigin + performance.now()}\n\n`)
      }
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    response.end(END)
  },
  '/idle': response => void response.write('data: here\n\n'),
  /** The page and the modules of the benchmark in a browser. */
  '/page': response => void response.end('<!doctype html><link rel="icon" href="data:,">'),
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  const route = routes[pathname]
  response.setHeader('Access-Control-Allow-Origin', '*')
  if (!route) {
    const type = /\.m?js$/.test(pathname) ? 'text/javascript' : 'text/plain'
    return response.setHeader('Content-Type', type).end(readFileSync(new URL(`../../..${pathname}`, import.meta.url)))
  }
  response.setHeader('Content-Type', pathname === '/page' ? 'text/html' : 'text/event-stream')
  response.setHeader('Cache-Control', 'no-store')
  response.flushHeaders()
  route(response, searchParams)
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
