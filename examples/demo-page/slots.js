// A browser opens six HTTP/1.1 connections to one origin, for all of its tabs together; one more waits without a word. So the
// tabs share them out by Web Locks: a lock for each connection.
export class Slots {
  #slots

  constructor(origins, perOrigin) {
    const numbers = Array.from({ length: perOrigin }, (_, number) => number)
    this.#slots = numbers.flatMap(number => origins.map(origin => ({ origin, name: `${origin} ${number}` })))
  }

  get count() {
    return this.#slots.length
  }

  /** Resolves with `{ origin, release }` of a connection that no tab has, or with nothing if there is none. */
  async take() {
    for (const { origin, name } of this.#slots) {
      const release = await lock(name)
      if (release) return { origin, release }
    }
  }
}

/** Resolves with a function that gives the lock back, or with nothing if another has it. A tab that closes gives its locks back. */
function lock(name) {
  return new Promise(resolve => {
    navigator.locks.request(name, { ifAvailable: true }, held => {
      if (!held) return resolve(undefined)
      return new Promise(release => resolve(release))
    })
  })
}
