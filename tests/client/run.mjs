// Runs the scenarios by ssecast/client, in every runtime: nothing here belongs to one. README.md says what a scenario is.

/** Longer than anything takes. */
const PATIENCE = 50_000

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/**
 * Runs all at once, but for those whose name is in `except`. Throws for what is wrong; returns how many ran. `word` is one
 * that was not used before.
 */
export async function run(EventSource, scenarios, ports, word, except = []) {
  const isIn = ({ name }) => !except.includes(name)
  const outcomes = await Promise.allSettled(scenarios.map((scenario, index) => isIn(scenario) && runOne(EventSource, scenario, index, ports, word)))
  const problems = outcomes.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return scenarios.filter(isIn).length
}

async function runOne(EventSource, { name, tls, options = {}, log: expected }, index, ports, word) {
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${ports[tls ? 'https' : 'http']}/${word}/${index}`
  const { closeAfter, idle, retry, ...rest } = options
  const log = []
  let events = 0
  let done
  const isDone = new Promise(resolve => (done = resolve))
  const note = entry => {
    log.push(entry)
    if (log.length >= expected.length) done()
  }
  const source = new EventSource(url, { ...rest, ...(idle && { idleMs: idle }), retry: { jitter: 0, ...retry } })
  source.onopen = () => note('open')
  const types = new Set(expected.map(({ event }) => event).filter(Boolean))
  for (const type of types) {
    source.addEventListener(type, ({ data, lastEventId }) => {
      note({ event: type, data, lastEventId })
      if (++events !== closeAfter) return
      source.close()
      note('closed')
    })
  }
  source.onerror = ({ cause, status, retryIn }) => {
    note({ error: cause, ...(status !== undefined && { status }) })
    if (retryIn === undefined) note('closed')
  }
  const timer = setTimeout(() => done(`${name}: nothing follows ${JSON.stringify(log).slice(0, 1000)}`), PATIENCE)
  const problem = await isDone
  clearTimeout(timer)
  if (problem) throw new Error(problem)
  if (expected.at(-1) === 'closed' && source.readyState !== 2) throw new Error(`${name}: the state is ${source.readyState}`)
  source.close()
  for (;;) {
    const { open, problems } = await (await fetch(`http://127.0.0.1:${ports.http}/${word}/${index}/report`)).json()
    if (open > 0) {
      await pause(5)
      continue
    }
    if (problems.length > 0) throw new Error(`${name}: ${problems.join('; ')}`)
    break
  }
  const isGood = log.length === expected.length && log.every((found, at) => isExpected(found, expected[at]))
  if (!isGood) throw new Error(`${name}: ${JSON.stringify(log).slice(0, 1000)}, not ${JSON.stringify(expected).slice(0, 1000)}`)
}

function isExpected(found, expected) {
  if (expected.data?.length !== undefined && typeof expected.data === 'object') return found.data.length === expected.data.length
  if (expected.error === 'ended' && found.error === 'network') return true
  return ['event', 'data', 'lastEventId', 'error'].every(key => found[key] === expected[key]) &&
    (typeof expected === 'string' ? found === expected : expected.status === undefined || found.status === expected.status)
}
