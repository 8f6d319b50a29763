// The example of answers that are topics which end, read by the AI SDK and by OpenAI's client, from two workers.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { DefaultChatTransport } from 'ai'
import OpenAI from 'openai'

import { start } from '../support/program.mjs'

const program = fileURLToPath(new URL('../../npm/examples/answers/server.mjs', import.meta.url))
const question = 'what is a topic that ends?'
const answer = `You asked: ${question} One could say much about it, and I say it slowly, word by word, to whom it may concern.`

describe('an answer', { timeout: 30_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ssecast-'))
  let [one, other] = []
  let workers = []

  before(async () => {
    const env = { STORE: `file:${folder}/answers`, WORD_MS: '20' }
    workers = await Promise.all([start(program, { env }), start(program, { env })])
    ;[one, other] = workers.map(({ port }) => `http://127.0.0.1:${port}`)
  })
  after(async () => {
    await Promise.all(workers.map(({ stop }) => stop()))
    rmSync(folder, { recursive: true })
  })

  /** The transport of the AI SDK's useChat. */
  const chat = url => new DefaultChatTransport({ api: `${url}/api/chat` })
  const ask = (url, chatId) => {
    const messages = [{ id: 'm', role: 'user', parts: [{ type: 'text', text: question }] }]
    return chat(url).sendMessages({ chatId, messages, trigger: 'submit-message', messageId: undefined, abortSignal: undefined })
  }
  /** Reads chunks; at most so many. */
  async function take(stream, most = Infinity) {
    const chunks = []
    for await (const chunk of stream) {
      chunks.push(chunk)
      if (chunks.length === most) break
    }
    return chunks
  }
  const textOf = chunks => chunks.filter(({ type }) => type === 'text-delta').map(({ delta }) => delta).join('')

  test('is read by the AI SDK, joined by others at any moment on any worker, and goes on when all leave', async () => {
    const first = await take(await ask(one, 'chat-1'), 5)
    assert.equal(first.length, 5)
    const [here, there] = await Promise.all([chat(one), chat(other)].map(async transport => take(await transport.reconnectToStream({ chatId: 'chat-1' }))))
    assert.deepEqual(there, here)
    assert.deepEqual(here.slice(0, 5), first)
    assert.equal(textOf(here), answer)
    assert.deepEqual([here[0].type, here.at(-1).type], ['start', 'finish'])
    const late = await take(await chat(other).reconnectToStream({ chatId: 'chat-1' }))
    assert.deepEqual(late, here)
  })

  test('is read by OpenAI\'s client, left, and resumed on another worker after the last event that was seen', async () => {
    const client = url => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 })
    const begun = await take(await client(one).responses.create({ model: 'scripted', input: question, stream: true, background: true }), 4)
    assert.equal(begun[0].type, 'response.created')
    const { id } = begun[0].response
    const rest = await take(await client(other).responses.retrieve(id, { stream: true, starting_after: begun.at(-1).sequence_number }))
    const all = [...begun, ...rest]
    assert.deepEqual(all.map(event => event.sequence_number), all.map((_, index) => index))
    const deltas = all.filter(({ type }) => type === 'response.output_text.delta')
    assert.equal(deltas.map(({ delta }) => delta).join(''), answer)
    assert.equal(all.at(-1).type, 'response.completed')
    assert.equal(all.at(-1).response.output[0].content[0].text, answer)
  })

  test('that has been read to its end is answered 204 to who comes back', async () => {
    const response = await ask(one, 'chat-2').then(take).then(() => fetch(`${other}/api/chat/chat-2/stream`))
    const text = await response.text()
    assert.equal(response.status, 200)
    const last = [...text.matchAll(/^id: ?(.*)$/gm)].at(-1)[1]
    const again = await fetch(`${one}/api/chat/chat-2/stream`, { headers: { 'Last-Event-ID': last } })
    assert.equal(again.status, 204)
  })
})
