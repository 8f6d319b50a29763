import { setTimeout as delay } from 'node:timers/promises'

/** Waits until a condition holds, looking again and again; fails with `what` when it never does. */
export async function eventually(condition, what, ms = 15_000) {
  const deadline = Date.now() + ms
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`)
    await delay(5)
  }
}

/** A promise and its functions. */
export function deferred() {
  let resolve, reject
  const promise = new Promise((...functions) => ([resolve, reject] = functions))
  return { promise, resolve, reject }
}
