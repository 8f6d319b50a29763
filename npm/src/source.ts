import { types } from 'node:util'
import { bytesOf } from './data.js'
import { SsecastError } from './error.js'
import { described, isPromise } from './value.js'

/** The iterator of a source for `pipe`. */
export function iteratorOf<T>(source: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  const isWhole = typeof source === 'string' || ArrayBuffer.isView(source) || types.isAnyArrayBuffer(source)
  const { [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: synchronous } = Object(source ?? {})
  const make: unknown = asynchronous ?? synchronous
  if (!isWhole && typeof make === 'function') return make.call(source) as AsyncIterator<T>
  const hint = isPromise(source) ? ': await it first' : isWhole ? ': that is for send()' : ''
  const problem = `must be an iterable, such as a generator, an array or a stream, not ${described(source)}${hint}`
  throw new SsecastError('SSECAST_INVALID_DATA', 'source', problem)
}

/** Decodes chunks of bytes, which may be cut inside a character. */
export class Characters {
  #decoder: TextDecoder | undefined
  #isCut = false

  /** The text of a chunk, or the value itself if it is none. Undefined, if the chunk is only a part of a character. */
  of(value: unknown): unknown {
    const bytes = typeof value === 'object' && value !== null ? bytesOf(value) : undefined
    if (!bytes) {
      this.end()
      return value
    }
    // A BOM is the source's, and stays.
    this.#decoder ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    // Memory that other threads write to is copied.
    const own = types.isSharedArrayBuffer(bytes.buffer) ? new Uint8Array(bytes) : bytes
    const text = this.#decode(own, true)
    // ASCII ends every character.
    if (own.length > 0) this.#isCut = own[own.length - 1]! >= 0x80
    return text === '' && own.length > 0 ? undefined : text
  }

  /** Ends the source. Throws if it ended inside a character. */
  end(): void {
    if (this.#isCut) this.#decode(new Uint8Array(), false)
    this.#isCut = false
  }

  #decode(bytes: Uint8Array, stream: boolean): string {
    try {
      return this.#decoder!.decode(bytes, { stream })
    } catch (cause) {
      throw new SsecastError('SSECAST_INVALID_DATA', 'data', 'must be UTF-8', { cause })
    }
  }
}
