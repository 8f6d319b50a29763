/** How often an alarm looks at the clock, in milliseconds. */
const LOOK = 1000
/** The longest that a timer can wait. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * Calls `ring` after so many milliseconds; the function that is returned prevents it. A timer stands still while the machine
 * sleeps, and the clock goes on, so the clock is looked at as well: what was due meanwhile rings within a second of waking.
 * The timer is needed too, because a browser slows down what repeats in a hidden page.
 */
export function alarm(ms: number, ring: () => void): () => void {
  const due = Date.now() + ms
  const stop = () => {
    clearTimeout(timer)
    clearInterval(looks)
  }
  const end = () => {
    stop()
    ring()
  }
  const timer = setTimeout(end, Math.min(ms, LONGEST_TIMER))
  const looks = setInterval(() => {
    if (Date.now() >= due) end()
  }, LOOK)
  return stop
}
