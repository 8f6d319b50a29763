// Clients that people use, over a local server, with ssecast's parser where they import eventsource-parser.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, realpathSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { streamText } from 'ai'
import { EventSource } from 'eventsource'
import { createEventSource } from 'eventsource-client'
import { z } from 'zod'

const alias = realpathSync(fileURLToPath(new URL('../../npm/alias', import.meta.url)))

async function serve(t, listener) {
  const server = createServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${server.address().port}`
}

/** Answers with a stream in pieces of these sizes, so that lines and characters are cut. */
async function stream(response, text, sizes) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  const bytes = Buffer.from(text)
  for (let at = 0, turn = 0; at < bytes.length;) {
    const size = sizes[turn++ % sizes.length]
    response.write(bytes.subarray(at, at + size))
    at += size
    await new Promise(setImmediate)
  }
}

test('every client finds ssecast where it looks for eventsource-parser', () => {
  for (const client of ['eventsource', 'eventsource-client', '@modelcontextprotocol/sdk/client/index.js', '@ai-sdk/openai-compatible']) {
    // From where the client lies, both for import and for require.
    const from = createRequire(realpathSync(createRequire(import.meta.url).resolve(client)))
    for (const name of ['eventsource-parser', 'eventsource-parser/stream']) assert.ok(realpathSync(from.resolve(name)).startsWith(alias), `${client}: ${from.resolve(name)}`)
  }
  const lock = JSON.parse(readFileSync(new URL('package-lock.json', import.meta.url), 'utf8'))
  const copies = Object.keys(lock.packages).filter(path => path.endsWith('node_modules/eventsource-parser'))
  assert.deepEqual(copies, ['node_modules/eventsource-parser'])
  assert.ok(import.meta.resolve('eventsource-parser').startsWith(pathToFileURL(alias).href))
})

test('eventsource 5 gets events with their types and ids, and comes back with the last one', { timeout: 30_000 }, async t => {
  const asked = []
  const url = await serve(t, async (request, response) => {
    asked.push(request.headers['last-event-id'])
    if (asked.length === 1) {
      await stream(response, '\ufeffretry: 10\n: hello\nid: 1\nevent: message\ndata: é\ndata: 🎉\n\nid: 2\nevent: tick\ndata: {"n":1}\r\n\r\nid: 3\n\n', [1, 5, 2])
      return response.end()
    }
    await stream(response, 'data: again\n\n', [100])
  })
  const source = new EventSource(url)
  t.after(() => source.close())
  const seen = []
  await new Promise(resolve => {
    const note = ({ type, data, lastEventId }) => {
      seen.push([type, data, lastEventId])
      if (data === 'again') resolve()
    }
    for (const type of ['message', 'tick']) source.addEventListener(type, note)
  })
  assert.deepEqual(seen, [['message', 'é\n🎉', '1'], ['tick', '{"n":1}', '2'], ['message', 'again', '3']])
  assert.deepEqual(asked, [undefined, '3'])
})

test('eventsource-client iterates over events, and comes back with the last id', { timeout: 30_000 }, async t => {
  const asked = []
  const url = await serve(t, async (request, response) => {
    asked.push(request.headers['last-event-id'])
    await stream(response, asked.length === 1 ? 'retry: 10\nid: a\nevent: tick\ndata: 1\n\n' : 'id: b\ndata: 2\n\n', [3])
    response.end()
  })
  const client = createEventSource(url)
  t.after(() => client.close())
  const seen = []
  for await (const { event, id, data } of client) {
    seen.push([event, id, data])
    if (seen.length === 2) break
  }
  assert.deepEqual(seen, [['tick', 'a', '1'], [undefined, 'b', '2']])
  assert.deepEqual(asked, [undefined, 'a'])
})

test("the AI SDK streams a model's answer", { timeout: 30_000 }, async t => {
  const words = ['Grüße', ', ', '你好', ' 🎉', '.']
  const chunk = (delta, finish_reason = null) => `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason }] })}\n\n`
  const url = await serve(t, async (request, response) => {
    request.resume()
    await stream(response, `: PROCESSING\n\n${words.map(content => chunk({ role: 'assistant', content })).join('')}${chunk({}, 'stop')}data: [DONE]\n\n`, [7, 64, 1])
    response.end()
  })
  const model = createOpenAICompatible({ name: 'local', baseURL: url }).chatModel('m')
  const { textStream } = streamText({ model, prompt: 'x', onError: ({ error }) => assert.ifError(error) })
  const seen = []
  for await (const text of textStream) seen.push(text)
  assert.equal(seen.join(''), words.join(''))
})

test("the MCP client calls a tool of the SDK's server over Streamable HTTP, whose answers are event streams", { timeout: 30_000 }, async t => {
  const url = await serve(t, async (request, response) => {
    const server = new McpServer({ name: 'local', version: '1.0.0' }, { capabilities: { logging: {} } })
    server.registerTool('repeat', { inputSchema: { text: z.string() } }, async ({ text }, { sendNotification }) => {
      await sendNotification({ method: 'notifications/message', params: { level: 'info', data: 'working' } })
      return { content: [{ type: 'text', text }] }
    })
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    response.on('close', () => transport.close())
    await server.connect(transport)
    await transport.handleRequest(request, response)
  })
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  t.after(() => client.close())
  for (const text of ['x', 'é\n\r\u2028🎉', 'long '.repeat(50_000)]) {
    const { content } = await client.callTool({ name: 'repeat', arguments: { text } })
    assert.deepEqual(content, [{ type: 'text', text }])
  }
})
