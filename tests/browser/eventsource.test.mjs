import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { launch } from './support/browser.mjs'
import { eventually, listen, numbers, seen, site } from './support/site.mjs'

describe('a native EventSource', { timeout: 60_000 }, () => {
  let browser
  before(async () => (browser = await launch()))
  after(() => browser?.close())

  /** A tab that shows the site's page. */
  async function tab(t, url, context = browser) {
    const page = await context.newPage()
    t.after(() => page.close())
    await page.goto(url)
    return page
  }

  it('gets every event in order in each of 8 tabs, of which some leave midway', async t => {
    // Six connections to one origin is what a browser opens: two origins are enough for eight tabs and those that leave.
    const { hub, urls } = await site(t, {}, { origins: 2 })
    const context = await browser.newContext()
    t.after(() => context.close())
    const tabs = await Promise.all(Array.from({ length: 10 }, () => tab(t, urls[0], context)))
    await Promise.all(tabs.map((page, index) => listen(page, `${urls[index % 2]}/stream`)))
    assert.equal(hub.stats().connections, 10)

    for (const number of numbers(1, 300)) hub.publish('numbers', number)
    await Promise.all(tabs.map(page => seen(page, 300)))
    // The first one among them, which is what silenced the others in the program that asked why.
    await tabs.shift().close()
    await tabs.shift().evaluate(() => window.source.close())
    for (const number of numbers(301, 600)) hub.publish('numbers', number)

    for (const page of tabs) {
      const events = await seen(page, 600)
      assert.deepEqual(events.map(event => event.data), numbers(1, 600))
    }
    await eventually(() => hub.stats().connections === 8)
  })

  it('stays away after an answer that was finished, and comes back after one that was closed', async t => {
    const { sessions, urls } = await site(t)
    for (const [end, state, streams] of [['finish', 2, 1], ['close', 0, 2]]) {
      sessions.length = 0
      const page = await tab(t, urls[0])
      await listen(page, '/stream')
      await page.evaluate(() => window.source.addEventListener('error', () => (window.ends = (window.ends ?? 0) + 1)))
      sessions[0].send('the answer')
      sessions[0][end]()
      await page.waitForFunction(state => window.ends === (state === 2 ? 2 : 1) && window.seen.length === 1, state)
      if (state === 2) assert.equal(await page.evaluate(() => window.source.readyState), 2)
      else await eventually(() => sessions.length === 2)
      assert.equal(sessions.length, streams)
      assert.deepEqual((await seen(page, 1)).map(({ type, data }) => [type, data]), [['message', 'the answer']])
    }
  })

  for (const [how, end] of [
    ['ends its stream', session => session.close()],
    ['breaks its connection', session => session.request.socket.destroy()],
  ]) {
    it(`resumes after the server ${how}: nothing lost, nothing doubled`, async t => {
      const { hub, sessions, urls } = await site(t)
      const page = await tab(t, urls[0])
      await listen(page, '/stream')
      for (const number of numbers(1, 50)) hub.publish('numbers', number)
      await seen(page, 1)
      end(sessions[0])
      for (const number of numbers(51, 100)) hub.publish('numbers', number)
      await sessions[0].closed
      for (const number of numbers(101, 150)) hub.publish('numbers', number)
      await eventually(() => sessions.length === 2)
      for (const number of numbers(151, 200)) hub.publish('numbers', number)

      const events = await seen(page, 200)
      assert.deepEqual(events.map(event => event.data), numbers(1, 200))
      assert.deepEqual(events.map(event => event.type), Array(200).fill('message'))
      assert.equal(new Set(events.map(event => event.lastEventId)).size, 200)
    })
  }

  it('resumes from a connection that was cut before its first event', async t => {
    const { hub, sessions, urls } = await site(t)
    const page = await tab(t, urls[0])
    await listen(page, '/stream')
    await sessions[0].close()
    for (const number of numbers(1, 10)) hub.publish('numbers', number)

    const events = await seen(page, 10)
    assert.deepEqual(events.map(event => event.data), numbers(1, 10))
    assert.notEqual(sessions[1].lastEventId, '')
  })

  it('sees a reset when the history has expired, and then all that is left', async t => {
    const { hub, sessions, urls } = await site(t, { history: { events: 5 } })
    const page = await tab(t, urls[0])
    await listen(page, '/stream')
    hub.publish('numbers', 1)
    await seen(page, 1)
    await sessions[0].close()
    for (const number of numbers(2, 21)) hub.publish('numbers', number)

    const events = await seen(page, 7)
    assert.deepEqual(events[1].type, 'reset')
    assert.deepEqual(JSON.parse(events[1].data), { reason: 'expired', missed: 15 })
    assert.deepEqual(events.slice(2).map(event => event.data), numbers(17, 21))
    assert.equal(hub.stats().resets.expired, 1)
  })

  it('sees a reset when the server process was restarted, and goes on', async t => {
    const program = new URL('support/numbers.mjs', import.meta.url)
    const run = async port => {
      const child = fork(program, { env: { ...process.env, PORT: port } })
      t.after(() => child.kill())
      return [child, (await once(child, 'message'))[0]]
    }
    const { urls } = await site(t)
    const [first, port] = await run('0')
    const page = await tab(t, urls[0])
    await listen(page, `http://127.0.0.1:${port}/stream`)
    first.send(1)
    await seen(page, 1)
    first.kill()
    await once(first, 'exit')
    const [second] = await run(String(port))
    await seen(page, 2)
    second.send(2)

    const events = await seen(page, 3)
    assert.deepEqual(events.map(event => event.type), ['message', 'reset', 'message'])
    assert.deepEqual(JSON.parse(events[1].data), { reason: 'epoch', missed: null })
    assert.deepEqual([events[0].data, events[2].data], ['1', '2'])
  })

  it('does not give up while the hub is full, and gets events once there is a place', async t => {
    const { hub, urls } = await site(t, { maxConnections: 1 })
    const first = await tab(t, urls[0])
    await listen(first, '/stream')
    const second = await tab(t, urls[0])
    await second.evaluate(() => {
      window.seen = []
      window.states = new Set()
      window.source = new EventSource('/stream')
      window.source.addEventListener('error', () => window.states.add(window.source.readyState))
      window.source.addEventListener('message', ({ data }) => window.seen.push(data))
    })
    await eventually(() => hub.stats().refused >= 3)
    hub.publish('numbers', 1)
    assert.deepEqual((await seen(first, 1)).map(event => event.data), ['1'], 'no client is evicted for another one')
    await first.evaluate(() => window.source.close())
    await eventually(() => hub.stats().disconnects.client === 1 && hub.stats().connections === 1)
    hub.publish('numbers', 2)

    assert.deepEqual(await seen(second, 1), ['2'])
    assert.deepEqual(await second.evaluate(() => [...window.states]), [0], 'it was connecting all the time')
  })

  it('is unregistered on the server by close()', async t => {
    const { hub, sessions, urls } = await site(t)
    const page = await tab(t, urls[0])
    await listen(page, '/stream')
    assert.equal(hub.stats().connections, 1)
    await page.evaluate(() => window.source.close())

    assert.equal(await sessions[0].closed, 'client')
    await eventually(() => hub.stats().connections === 0)
    assert.equal(hub.stats().disconnects.client, 1)
    assert.equal(hub.publish('numbers', 1).subscribers, 0)
  })

  it('gets data as it was published, with every line end as LF', async t => {
    const { hub, urls } = await site(t)
    const page = await tab(t, urls[0])
    await listen(page, '/stream', 'größe')
    const payloads = [
      ['a\u2028b\u2029c\u0085d', 'a\u2028b\u2029c\u0085d'],
      ['😀 日本語 e\u0301', '😀 日本語 e\u0301'],
      ['one\ntwo\r\nthree\rfour', 'one\ntwo\nthree\nfour'],
      ['Left\r\rdata: Right', 'Left\n\ndata: Right'],
      ['\n\n', '\n\n'],
      [' leading and trailing ', ' leading and trailing '],
      [': no comment', ': no comment'],
      ['nul\0stays', 'nul\0stays'],
      ['\uFEFFbom', '\uFEFFbom'],
      ['', ''],
    ]
    for (const [data] of payloads) hub.publish('numbers', data, { event: 'größe' })
    hub.publish('numbers', { emoji: '😀', line: 'a\u2028b\nc' }, { event: 'größe' })
    hub.publish('numbers', new TextEncoder().encode('bytes'), { event: 'größe', id: 'mine' })

    const events = await seen(page, payloads.length + 2)
    assert.deepEqual(events.slice(0, payloads.length).map(event => event.data), payloads.map(([, data]) => data))
    assert.deepEqual(JSON.parse(events.at(-2).data), { emoji: '😀', line: 'a\u2028b\nc' })
    assert.deepEqual(events.at(-1), { type: 'größe', data: 'bytes', lastEventId: 'mine' })
  })
})
