// Runs in a network of its own: connects a client in every way, takes the network away, and reports how the streams end.
import { execFileSync } from 'node:child_process'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'

import { createHub, sseMiddleware } from 'ssecast'

import { join } from './client.mjs'
import { eventually } from './eventually.mjs'
import { certificate } from './hosts.mjs'

const loopback = state => execFileSync('ip', ['link', 'set', 'lo', state], { stdio: 'pipe' })
try {
  loopback('up')
} catch (error) {
  process.send({ skipped: `the network can't be changed here: ${error.message}` })
  process.disconnect()
}

if (process.connected) {
  const heartbeatMs = process.argv[2] === 'quiet' ? null : 100
  const hub = createHub({ delivery: 'pull', heartbeatMs, slowClient: { ms: 1000 } })
  const reasons = {}
  const tls = { key: certificate, cert: certificate }
  const servers = { http: http.createServer(), https: https.createServer(tls), http2: http2.createSecureServer(tls) }
  for (const [name, server] of Object.entries(servers)) {
    const onConnect = session => session.closed.then(reason => (reasons[name] = reason))
    server.on('request', sseMiddleware(hub, { topics: ['t'], onConnect })).listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const scheme = name === 'http' ? 'http' : 'https'
    await join(`${scheme}://127.0.0.1:${server.address().port}/`, { version: name === 'http2' ? 2 : 1 })
  }
  await eventually(() => hub.stats().connections === 3, 'three streams')
  loopback('down')
  await eventually(() => hub.stats().connections === 0, 'the ends', 60_000).catch(() => {})
  process.send({ reasons })
  process.exit()
}
