/** How often an alarm looks at the clock, in milliseconds. */
const LOOK = 1000

/**
 * Calls `ring` after so many milliseconds; the function that is returned prevents it. A timer stands still while the machine
 * sleeps, so a long wait is made of short ones, and the clock is read after each: what was due meanwhile rings within a
 * second of waking. A clock that is set back makes no wait longer.
 */
export function alarm(ms: number, ring: () => void): () => void {
  const due = Date.now() + ms
  let timer: ReturnType<typeof setTimeout>
  const wait = (left: number) => {
    timer = setTimeout(() => {
      left = Math.min(left - LOOK, due - Date.now())
      if (left > 0) wait(left)
      else ring()
    }, Math.min(left, LOOK))
  }
  wait(ms)
  return () => clearTimeout(timer)
}
