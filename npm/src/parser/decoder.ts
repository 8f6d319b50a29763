/** Makes text of bytes in chunks, which may be cut anywhere. */
export interface Decoder {
  decode(bytes: Uint8Array): string
  /** What becomes of a character that has not ended: U+FFFD. */
  end(): string
}

// They keep nothing from one chunk to the next, so all parsers share them: making one takes as long as parsing a hundred events.
const plain = new TextDecoder('utf-8', { ignoreBOM: true })
/**
 * Node before 24 decodes text that is not ASCII up to twice as fast with `stream`, and everything else far slower, as all
 * later ones and other runtimes do.
 */
const streaming = Number.parseInt(globalThis.process?.versions?.node) < 24 ? new TextDecoder('utf-8', { ignoreBOM: true }) : undefined
const STREAM = { stream: true }

/**
 * Makes a decoder of UTF-8, in which what is none becomes U+FFFD. It cuts chunks between characters itself, because
 * TextDecoder takes up to ten times as long where it has to see to that.
 */
export function createDecoder(): Decoder {
  /** The beginning of a character that the last chunk ended in. */
  let split: Uint8Array | undefined
  let isWide = false

  return {
    decode(bytes) {
      // Another thread must not change what is being decoded. Of any realm, memory that can grow is shared.
      if ((bytes.buffer as { growable?: boolean }).growable !== undefined) bytes = new Uint8Array(bytes)
      if (split !== undefined) {
        const whole = new Uint8Array(split.length + bytes.length)
        whole.set(split)
        whole.set(bytes, split.length)
        bytes = whole
        split = undefined
      }
      if (bytes[bytes.length - 1]! >= 0x80) {
        const end = lastEnd(bytes)
        if (end < bytes.length) {
          split = bytes.slice(end)
          bytes = bytes.subarray(0, end)
        }
      }
      if (streaming === undefined) return plain.decode(bytes)
      const { length } = bytes
      const text = isWide && length > 128 ? streaming.decode(bytes, STREAM) : plain.decode(bytes)
      isWide = text.length !== length
      return text
    },
    end() {
      const text = split === undefined ? '' : plain.decode(split)
      split = undefined
      return text
    },
  }
}

/** Where the last whole character ends. */
function lastEnd(bytes: Uint8Array): number {
  const { length } = bytes
  let at = length - 1
  while (at > 0 && at > length - 3 && bytes[at]! < 0xc0) at--
  const first = bytes[at]!
  const size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  return at + size > length ? at : length
}
