// Spans of OpenTelemetry's own instrumentation around streams in Express.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'

import { join } from '../../npm/test/support/client.mjs'
import { eventually } from '../../npm/test/support/eventually.mjs'

// What is required after the instrumentation is registered is instrumented.
const require = createRequire(import.meta.url)
const { SpanStatusCode, trace } = require('@opentelemetry/api')
const { registerInstrumentations } = require('@opentelemetry/instrumentation')
const { ExpressInstrumentation } = require('@opentelemetry/instrumentation-express')
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http')
const { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node')

const exporter = new InMemorySpanExporter()
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()
registerInstrumentations({
  instrumentations: [new HttpInstrumentation({ ignoreOutgoingRequestHook: () => true }), new ExpressInstrumentation()]
})
const http = require('node:http')
const express = require('express')
const { createHub, sseMiddleware } = require('ssecast')

/** The spans of requests to a path that have ended. */
const ended = path => exporter.getFinishedSpans().filter(({ name }) => name === `GET ${path}`)

describe('with OpenTelemetry', () => {
  for (const [path, { delivery = 'auto', release = false }] of Object.entries({
    '/socket': {},
    '/release': { release: true },
    '/pull': { delivery: 'pull' }
  })) {
    test(`the span of a stream (${path.slice(1)}) ends ${release ? 'when its socket is released' : 'with it'}, and its handlers are in its trace`, async t => {
      const hub = createHub({ delivery })
      const traces = {}
      const note = place => (traces[place] = trace.getActiveSpan()?.spanContext().traceId)
      let opened
      const app = express().get(path, sseMiddleware(hub, {
        authorize: async ({ query }) => (await new Promise(setImmediate), note('authorize'), query.refuse === undefined),
        topics: async () => (await new Promise(setImmediate), note('topics'), ['t']),
        onConnect: async session => {
          opened = session
          await new Promise(setImmediate)
          note('onConnect')
        },
        release
      }))
      const server = http.createServer(app).listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.after(() => (hub.close({ graceMs: 0 }), server.closeAllConnections(), server.close()))
      const url = `http://127.0.0.1:${server.address().port}${path}`

      for (const end of [client => client.cut(), () => opened.close()]) {
        exporter.reset()
        const client = await join(url)
        hub.publish('t', 'one')
        await client.has(1)
        // Node's response is over when its socket was released.
        if (release) await eventually(() => ended(path).length === 1, 'the span of the handover')
        else assert.equal(ended(path).length, 0, 'it is open as long as the stream')
        end(client)
        await eventually(() => ended(path).length === 1, 'the span')
        const [span] = ended(path)
        const { traceId } = span.spanContext()
        assert.deepEqual(traces, { authorize: traceId, topics: traceId, onConnect: traceId })
        const code = span.attributes['http.response.status_code'] ?? span.attributes['http.status_code']
        assert.deepEqual([code, span.status.code], [200, SpanStatusCode.UNSET])
      }
      exporter.reset()
      assert.equal((await join(`${url}?refuse`)).status, 403)
      await eventually(() => ended(path).length === 1, 'the span of a refusal')
    })
  }
})
