/** So many pieces are put together before the text is taken: each may be a slice of a far longer text, which lives as long. */
const MOST_PIECES = 64

/** Text that comes in pieces, and is put together when it is taken: work and memory are linear in its length. */
export class StringBuilder {
  length = 0
  private text = ''
  private pieces: string[] = []

  add(piece: string): void {
    this.length += piece.length
    if (this.pieces.push(piece) < MOST_PIECES) return
    this.text += this.pieces.join('')
    this.pieces = []
  }

  /** Returns the text and what comes last, and is empty then. */
  take(last = ''): string {
    // To search in a sum of strings takes longer than in one that was joined.
    this.pieces.push(last)
    const text = this.toString()
    this.text = ''
    this.pieces = []
    this.length = 0
    return text
  }

  toString(): string {
    return this.text + this.pieces.join('')
  }
}
