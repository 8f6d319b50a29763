// The scripted server of the client's scenarios: README.md says what it does.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { setImmediate, setTimeout } from 'node:timers/promises'

const scenarios = JSON.parse(readFileSync(new URL('scenarios.json', import.meta.url), 'utf8'))
const certificate = readFileSync(new URL('../../npm/test/support/localhost.pem', import.meta.url))

/** What the runs have asked for so far, by `/RUN/INDEX`. */
const runs = new Map()

function runOf(path) {
  let run = runs.get(path)
  if (!run) {
    const { answers } = scenarios[path.split('/')[2]]
    const script = answers.flatMap(answer => Array.from({ length: answer.times ?? 1 }, () => answer))
    run = { script, requests: 0, open: 0, problems: [], endedAt: -Infinity }
    runs.set(path, run)
  }
  return run
}

async function serve(request, response) {
  // Pages of any origin may ask; that they ask before is no request of the scenario.
  response.setHeader('Access-Control-Allow-Origin', request.headers.origin ?? '*')
  response.setHeader('Access-Control-Expose-Headers', 'Retry-After, Date')
  if (request.method === 'OPTIONS') {
    response.setHeader('Access-Control-Allow-Headers', request.headers['access-control-request-headers'] ?? '')
    return response.end()
  }
  const { pathname, search } = new URL(request.url, 'http://localhost')
  if (pathname.endsWith('/report')) {
    const { requests, open, problems } = runOf(pathname.slice(0, -'/report'.length))
    return response.end(JSON.stringify({ requests, open, problems }))
  }
  const run = runOf(pathname)
  const number = run.requests++
  const answer = run.script[number]
  const problem = text => run.problems.push(`request ${number + 1}: ${text}`)
  run.open++
  response.on('close', () => {
    run.open--
    // One that the client ended.
    if (!response.writableEnded) run.endedAt = performance.now()
  })
  const { body = '', ...expected } = answer?.expect ?? {}
  const sinceTheLast = performance.now() - run.endedAt
  let received = ''
  for await (const chunk of request) received += chunk
  if (!answer) {
    problem('there is no answer left for it')
    return request.socket.destroy()
  }
  if (expected.method && request.method !== expected.method) problem(`method ${request.method}, not ${expected.method}`)
  if (expected.query !== undefined && search.slice(1) !== expected.query) problem(`query ${search}, not ${expected.query}`)
  if (received !== body) problem(`body ${received}, not ${body}`)
  // A timer may be a little early.
  if (sinceTheLast < (expected.after ?? 0) - 5) problem(`after ${sinceTheLast} ms, not ${expected.after}`)
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    const found = request.headers[name] === undefined ? null : Buffer.from(request.headers[name], 'latin1').toString()
    if (found !== value) problem(`header ${name}: ${found}, not ${value}`)
  }
  await send(request, response, answer, pathname, run)
}

async function send(request, response, { status = 200, headers, body = [], end = 'hang' }, path, run) {
  if (status === 0) return request.socket.destroy()
  for (const [name, value] of Object.entries(headers ?? { 'Content-Type': 'text/event-stream' })) {
    response.setHeader(name, value.other ? `http://127.0.0.1:${other.address().port}${path}${value.other}` : value)
  }
  response.writeHead(status).flushHeaders()
  request.socket.setNoDelay(true)
  for (const part of body) {
    if (part.wait) await setTimeout(part.wait)
    for (const chunk of chunksOf(part)) {
      if (response.destroyed) return
      if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')])
      await setImmediate()
    }
  }
  // On a busy machine the client may know it before `close` comes here.
  if (end === 'end') {
    run.endedAt = performance.now()
    response.end()
  }
  if (end === 'cut') request.socket.destroy()
}

function chunksOf(part) {
  if (typeof part === 'string') return [part]
  if (part.hex) return [Buffer.from(part.hex, 'hex')]
  if (part.repeat) return [part.repeat.repeat(part.times)]
  return [...Buffer.from(part.bytes ?? '')].map(byte => Buffer.of(byte))
}

const listener = (request, response) => serve(request, response).catch(error => response.destroy(error))
const main = http.createServer(listener)
const other = http.createServer(listener)
const secure = https.createServer({ key: certificate, cert: certificate }, listener)
const ports = []
for (const server of [main, other, secure]) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ports.push(server.address().port)
}
console.log(JSON.stringify({ http: ports[0], other: ports[1], https: ports[2] }))
// The runner has ended, or wants it to end.
process.stdin.on('end', () => process.exit()).resume()
