import { SsecastError } from '../error.js'
import type { Chunk, EventSourceMessage } from './parser.js'
import { createStreamParser, type ParserStreamOptions } from './stream.js'

/** Chunks: a web stream, one of Node's, or anything that can be iterated over. */
export type Chunks = ReadableStream<Chunk> | AsyncIterable<Chunk> | Iterable<Chunk>

/** Where the next chunk comes from, and what to do when no more are wanted. */
interface Source {
  next(): Promise<{ done?: boolean | undefined; value?: Chunk | undefined }>
  cancel(): unknown
}

/**
 * Iterates over the events of a stream: of a response (its `body`), of a web stream, or of one of Node's. A loop that ends
 * early cancels the stream.
 *
 * @throws {SsecastError} for something that is no stream, for an option that there is not, or one out of its range; and while
 * it is iterated over, `SSECAST_EVENT_TOO_LARGE`, after the events before that one. Errors of the stream are thrown as they are.
 * @example
 * for await (const { event, data } of events(await fetch(url))) console.log(event, data)
 */
export function events(
  stream: Chunks | { body: Chunks | null },
  options: ParserStreamOptions = {},
): AsyncGenerator<EventSourceMessage, void, undefined> {
  let ready: EventSourceMessage[] = []
  const parser = createStreamParser(options, event => void ready.push(event))
  return iterate(open(stream))

  async function* iterate(source: Source) {
    let isOpen = true
    try {
      while (isOpen) {
        let failure: { error: unknown } | undefined
        try {
          isOpen = false
          const { done, value } = await source.next()
          isOpen = done !== true
          if (isOpen) parser.feed(value!)
          else parser.end()
        } catch (error) {
          failure = { error }
        }
        const batch = ready
        ready = []
        // What came before the error comes first.
        for (const event of batch) yield event
        if (failure) throw failure.error
      }
    } finally {
      if (isOpen) await source.cancel()
    }
  }
}

function open(stream: Chunks | { body: Chunks | null }): Source {
  const chunks = isObject(stream) && 'body' in stream ? (stream.body ?? []) : (stream as Chunks)
  if (isObject(chunks)) {
    if ('getReader' in chunks) {
      const reader = chunks.getReader()
      return {
        next: () => reader.read(),
        // A stream that has failed can't be cancelled.
        cancel: () => reader.cancel().catch(() => {}),
      }
    }
    const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]?.()
    if (iterator) return { next: async () => iterator.next(), cancel: () => iterator.return?.() }
  }
  throw new SsecastError('SSECAST_INVALID_DATA', 'stream', 'must be a response, a web stream, a stream of Node, or an iterable of chunks')
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
