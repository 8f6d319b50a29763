import type { Settings } from './options.js'

/** No wait is shorter, whatever the stream says. */
const SHORTEST = 100

/** The waits between connections, in milliseconds. */
export class Backoff {
  /** The connections that were lost since the last event. */
  #losses = 0

  constructor(private readonly retry: Settings['retry']) {}

  /** An event came: the server works. */
  reset(): void {
    this.#losses = 0
  }

  /** The next wait. `stated` is the reconnection time that the stream has set. */
  next(stated: number | undefined): number {
    const { first, longest, growth, jitter } = this.retry
    const base = Math.max(SHORTEST, stated ?? first)
    const wait = Math.min(base * growth ** this.#losses++, Math.max(longest, base))
    return wait + wait * jitter * Math.random()
  }
}
