const encoder = new TextEncoder()

/** How many bytes of UTF-8 a text takes. */
export function bytesOf(text: string): number {
  return encoder.encode(text).length
}

/** How many bytes more than units a text has. */
export function extraOf(text = ''): number {
  return bytesOf(text) - text.length
}

/** Whether two units are the halves of one character. */
export function isPair(first: number, second: number): boolean {
  return (first & 0xfc00) === 0xd800 && (second & 0xfc00) === 0xdc00
}
