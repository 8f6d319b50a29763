/** From this many units on, the pieces that came last are put together. */
const FLAT = 1 << 16

/** Text that comes in pieces, and is put together when it is taken: work and memory are linear in its length. */
export class Rope {
  private text = ''
  /** The last pieces. V8 adds to a string without copying it, and copies all of it once when it is looked into. */
  private pieces = ''

  get length(): number {
    return this.text.length + this.pieces.length
  }

  add(piece: string): void {
    this.pieces += piece
    // Looking into it lets go of the pieces, each of which may be a slice of a far longer text.
    if (this.pieces.length >= FLAT && this.pieces.charCodeAt(0) >= 0) {
      this.text += this.pieces
      this.pieces = ''
    }
  }

  toString(): string {
    return this.text + this.pieces
  }

  clear(): void {
    this.text = this.pieces = ''
  }
}
