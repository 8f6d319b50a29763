// A check that a numbered series of events is whole: nothing lost, nothing doubled.
export class Series {
  #first
  #last
  received = 0
  doubled = 0

  /** Takes the next number, and returns how many are missing before it. */
  take(n) {
    if (this.#last !== undefined && n <= this.#last) {
      this.doubled++
      return 0
    }
    const missing = this.#last === undefined ? 0 : n - this.#last - 1
    this.#first ??= n
    this.#last = n
    this.received++
    return missing
  }

  /** How many there should be. */
  get expected() {
    return this.#last === undefined ? 0 : this.#last - this.#first + 1
  }

  get whole() {
    return this.received === this.expected && this.doubled === 0
  }

  /** Begins anew: the server said that it can't continue where this series was. */
  restart() {
    this.#first = this.#last = undefined
    this.received = 0
  }
}
