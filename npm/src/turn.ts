/** How long pipes may work, all together, before the event loop gets to its other work: milliseconds. */
const TURN_MS = 4

/** When the pipes of this turn of the event loop began to work. */
let began: number | undefined
/** The pipes that wait for another turn. Each turn lets the first of them go on. */
const waiting: (() => void)[] = []

/** Whether pipes have worked for long enough in this turn of the event loop. */
export function isTurnOver(): boolean {
  const now = performance.now()
  if (began === undefined) {
    began = now
    setImmediate(() => (began = undefined))
  }
  return now - began > TURN_MS
}

/** Waits for another turn, so that the event loop gets to its other work. */
export function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    waiting.push(resolve)
    if (waiting.length === 1) setImmediate(run)
  })
}

function run(): void {
  began = undefined
  waiting.shift()!()
  if (waiting.length > 0) setImmediate(run)
}
