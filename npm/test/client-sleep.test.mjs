// A client whose process, or whose machine, stood still for a while.
import assert from 'node:assert/strict'
import http from 'node:http'
import { describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { eventually } from './support/eventually.mjs'
import { listen } from './support/hosts.mjs'
import { start } from './support/processes.mjs'

/** A server that writes `first` to each request, and keeps its response open. */
async function serve(t, first) {
  const requests = []
  const { url } = await listen(t, http.createServer((request, response) => {
    requests.push({ response, lastEventId: request.headers['last-event-id'] })
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(first)
  }))
  return { url, requests }
}

/** A process with a client, which prints its events and its losses. */
function client(t, url, options, more = '') {
  const program = `
    const { EventSource } = await import('ssecast/client')
    const source = new EventSource(${JSON.stringify(url)}, ${JSON.stringify(options)})
    source.onmessage = ({ data }) => console.log(data)
    source.onerror = ({ cause }) => console.log(cause)
    ${more}`
  return start(t, ['--input-type=module', '-e', program], { cwd: new URL('..', import.meta.url) })
}

const IDLE = 400

describe('a client', { concurrency: true }, () => {
  test('that stood still past its deadline while the server said nothing connects again at once, and resumes', async t => {
    const { url, requests } = await serve(t, 'id: 7\ndata: one\n\n')
    // A timer beside the client's says whether the client waits for its deadline once more: both are late on a slow machine.
    const child = client(t, url, { idleMs: IDLE, retry: { first: 100, jitter: 0 } }, `
      process.on('SIGCONT', () => setTimeout(() => console.log('most of a deadline'), ${IDLE * 3 / 4}))`)
    await eventually(() => child.output === 'one\n', 'the event')
    child.kill('SIGSTOP')
    await delay(2 * IDLE)
    child.kill('SIGCONT')
    await eventually(() => requests.length === 2, 'another request')
    assert.equal(requests[1].lastEventId, '7')
    await eventually(() => child.output.split('one').length === 3, 'the event of the other connection')
    assert.match(child.output, /^one\nidle\n/, 'it did not wait for the deadline once more')
  })

  test('that stood still past its deadline while the server went on reads what came, and keeps its connection', async t => {
    const { url, requests } = await serve(t, 'data: one\n\n')
    const child = client(t, url, { idleMs: IDLE })
    await eventually(() => child.output === 'one\n', 'the event')
    child.kill('SIGSTOP')
    for (let sent = 0; sent < 4; sent++) {
      await delay(IDLE / 2)
      requests[0].response.write('data: while it stood still\n\n')
    }
    child.kill('SIGCONT')
    await eventually(() => child.output.split('while').length === 5, 'all events')
    requests[0].response.write('data: last\n\n')
    await eventually(() => child.output.endsWith('last\n'), 'the last event')
    assert.deepEqual([requests.length, /idle/.test(child.output)], [1, false])
  })

  // Timers stand still while a machine sleeps, and its clock goes on. A clock that is set is the part of it that a test can have.
  test('whose machine slept ends a wait, and a silence, whose time has passed', async t => {
    const { url, requests } = await serve(t, 'retry: 3600000\n\n')
    const child = client(t, url, { idleMs: 3_600_000 }, `
      const { now } = Date
      let slept = 0
      Date.now = () => now() + slept
      process.on('message', ms => (slept += ms))`)
    for (const expected of [['idle', 1, 2], ['', 2, 3]]) {
      const [output, before, after] = expected
      await eventually(() => requests.length === before, `request ${before}`)
      assert.equal(requests.length, before)
      if (output === '') requests.at(-1).response.end()
      await delay(100)
      child.send(3_600_000)
      if (output) await eventually(() => child.output === `${output}\n`, output)
      else await eventually(() => child.output === 'idle\nended\n', 'the loss')
      child.send(2 * 3_600_000)
      await eventually(() => requests.length === after, `request ${after}`)
    }
  })

  test('waits no longer when the clock is set back', async t => {
    const { url, requests } = await serve(t, 'retry: 1500\n\n')
    const child = client(t, url, {}, `
      const { now } = Date
      process.once('message', () => (Date.now = () => now() - 3_600_000))`)
    await eventually(() => requests.length === 1, 'a request')
    requests[0].response.end()
    await eventually(() => child.output === 'ended\n', 'the loss')
    child.send('set')
    await eventually(() => requests.length === 2, 'another request', 5000)
  })
})
