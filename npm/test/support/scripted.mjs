// A server whose answers are scripted, and sources that end with their test.
import http from 'node:http'

import { EventSource } from 'ssecast/client'

import { listen } from './hosts.mjs'

/** Quick reconnects, each after the same time. */
export const QUICK = { first: 100, growth: 1, jitter: 0 }

/** A server whose answers are given one after the other; the last one is given again. */
export async function serve(t, ...answers) {
  const requests = []
  const { url } = await listen(t, http.createServer((request, response) => {
    requests.push(Object.assign(request, { response }))
    const answer = answers[Math.min(requests.length, answers.length) - 1]
    if (typeof answer === 'function') return answer(request, response)
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(answer)
  }))
  return { url, requests }
}

/** A source that is closed with the test. */
export function source(t, ...parameters) {
  const made = new EventSource(...parameters)
  t.after(() => made.close())
  return made
}
