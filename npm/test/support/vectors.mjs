import { readFileSync } from 'node:fs'

/** The shared vectors of one file; tests/vectors/README.md says what they mean. */
export const vectors = name => JSON.parse(readFileSync(new URL(`../../../tests/vectors/${name}.json`, import.meta.url)))

/** The bytes of a vector's text: a part, or an array of them. */
export function bytes(part) {
  if (Array.isArray(part)) return Buffer.concat(part.map(bytes))
  if (typeof part === 'string') return Buffer.from(part)
  if (part.hex !== undefined) return Buffer.from(part.hex.replaceAll(' ', ''), 'hex')
  return Buffer.concat(Array(part.times).fill(bytes(part.repeat)))
}

export const text = part => bytes(part).toString()

/** An item of a vector, as a parser's log has it. */
export function entry({ event = 'message', data, last_event_id = '', id, retry, comment }) {
  const type = event === 'message' ? undefined : text(event)
  if (data !== undefined) return { event: type, data: text(data), lastEventId: text(last_event_id), id: id && text(id) }
  if (retry !== undefined) return { retry: Math.min(retry, Number.MAX_SAFE_INTEGER) }
  return comment === undefined ? { id: text(id) } : { comment: text(comment) }
}
