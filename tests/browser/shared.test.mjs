// One connection for all tabs: the leader is closed, frozen or crashes, and each tab still has every event once.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, describe, it } from 'node:test'

import { launch, problemsOf } from './support/browser.mjs'
import { sharedSite, tab } from './support/shared.mjs'
import { eventually } from './support/site.mjs'

describe('tabs that share a connection', { timeout: 120_000 }, () => {
  let browser
  before(async () => (browser = await launch()))
  after(() => browser?.close())

  async function group(t, count, options = {}) {
    const site = await sharedSite(t, options)
    const context = await browser.newContext()
    t.after(() => context.close())
    const tabs = []
    for (let number = 0; number < count; number++) tabs.push(await tab(context, site.url))
    await Promise.all(tabs.map(page => page.evaluate(() => window.listen({ shared: true }))))
    return { ...site, context, tabs }
  }

  /** Publishes the next numbers, some at a time, until it is told to stop; gives the last one. */
  function storm(hub) {
    let last = 0
    let isOver = false
    const ended = (async () => {
      while (!isOver) {
        for (let count = 0; count < 5; count++) hub.publish('numbers', ++last)
        await delay(10)
      }
      return last
    })()
    return { get last() { return last }, stop: () => ((isOver = true), ended) }
  }

  /** The tab has every number once, in order, from the first that it saw to the last one. */
  async function hasAll(page, last, first) {
    await page.waitForFunction(last => window.seen.at(-1)?.[0] >= last, last)
    const seen = await page.evaluate(() => window.seen.map(([number]) => number))
    const from = first ?? seen[0]
    assert.equal(seen.length, last - from + 1, `from ${from} to ${last}`)
    seen.forEach((number, index) => assert.equal(number, from + index))
  }

  /** Which tab has the lock: it answers to the name that the browser gives the tab. */
  async function leaderOf(tabs) {
    for (;;) {
      for (const page of tabs) {
        const isLeader = await page.evaluate(async () => {
          const own = await navigator.locks.request(crypto.randomUUID(), async lock => (await navigator.locks.query()).held.find(({ name }) => name === lock.name).clientId)
          return (await navigator.locks.query()).held.some(({ name, clientId }) => name.startsWith('ssecast ') && clientId === own)
        })
        if (isLeader) return page
      }
    }
  }

  it('20 tabs over HTTP/1.1, of which 15 are closed at random and 5 come, miss and repeat nothing', async t => {
    const { hub, sessions, tabs, context, url } = await group(t, 20)
    await eventually(() => hub.stats().connections === 1)
    const problems = tabs.map(problemsOf)
    const numbers = storm(hub)
    for (let round = 0; round < 15; round++) {
      await delay(20)
      // Every third time it is the leader, whichever tab that is by now.
      const page = round % 3 === 0 ? await leaderOf(tabs) : tabs[Math.floor(Math.random() * tabs.length)]
      tabs.splice(tabs.indexOf(page), 1)
      await page.close()
      if (round % 3 === 1) {
        const late = await tab(context, url)
        await late.evaluate(() => window.listen({ shared: true }))
        tabs.push(late)
      }
    }
    const last = await numbers.stop()
    assert.equal(tabs.length, 10)
    await Promise.all(tabs.map(page => hasAll(page, last)))
    await eventually(() => hub.stats().connections === 1)
    assert.ok(sessions.length >= 5, `${sessions.length} connections`)
    t.diagnostic(`${last} events, ${sessions.length} connections in all`)
    assert.deepEqual(problems.flat(), [])
    for (const page of tabs) assert.deepEqual(await page.evaluate(() => window.log), ['open'])
  })

  it('a leader that is frozen hands over, and has all that it missed once it is back', async t => {
    const { hub, tabs, context } = await group(t, 4)
    const numbers = storm(hub)
    await Promise.all(tabs.map(page => page.waitForFunction(() => window.seen.length > 20)))
    const leader = await leaderOf(tabs)
    const others = tabs.filter(page => page !== leader)
    const session = await context.newCDPSession(leader)
    await session.send('Page.setWebLifecycleState', { state: 'frozen' })
    const then = numbers.last
    await Promise.all(others.map(page => page.waitForFunction(then => window.seen.at(-1)[0] > then + 100, then)))
    await session.send('Page.setWebLifecycleState', { state: 'active' })
    await leader.waitForFunction(then => window.seen.at(-1)[0] > then + 100, then)
    const last = await numbers.stop()
    for (const page of tabs) await hasAll(page, last)
    await eventually(() => hub.stats().connections === 1)
  })

  it('a leader that hangs loses the connection to another tab, and repeats nothing when it wakes', async t => {
    const { hub, tabs } = await group(t, 3)
    const numbers = storm(hub)
    await Promise.all(tabs.map(page => page.waitForFunction(() => window.seen.length > 20)))
    const leader = await leaderOf(tabs)
    const others = tabs.filter(page => page !== leader)
    // The page runs nothing, as behind a dialog or in a debugger, and keeps its lock.
    await leader.evaluate(() => void setTimeout(() => {
      const end = Date.now() + 14_000
      while (Date.now() < end);
    }))
    const then = numbers.last
    await Promise.all(others.map(page => page.waitForFunction(then => window.seen.at(-1)[0] > then + 600, then, { timeout: 60_000 })))
    await leader.waitForFunction(then => window.seen.at(-1)[0] > then + 600, then, { timeout: 60_000 })
    const last = await numbers.stop()
    for (const page of tabs) await hasAll(page, last)
    await eventually(() => hub.stats().connections === 1)
  })

  it('a leader that crashes is followed by another tab', async t => {
    const { hub, tabs, context } = await group(t, 3)
    const numbers = storm(hub)
    await Promise.all(tabs.map(page => page.waitForFunction(() => window.seen.length > 20)))
    const leader = await leaderOf(tabs)
    const session = await context.newCDPSession(leader)
    session.send('Page.crash').catch(() => {})
    const others = tabs.filter(page => page !== leader)
    const then = numbers.last
    await Promise.all(others.map(page => page.waitForFunction(then => window.seen.at(-1)[0] > then + 100, then)))
    const last = await numbers.stop()
    for (const page of others) await hasAll(page, last)
  })

  it('a leader that closes its source leaves the others theirs', async t => {
    const { hub, tabs } = await group(t, 3)
    const leader = await leaderOf(tabs)
    await leader.evaluate(() => window.source.close())
    hub.publish('numbers', 1)
    for (const page of tabs.filter(page => page !== leader)) await hasAll(page, 1)
    assert.deepEqual(await leader.evaluate(() => [window.source.readyState, window.seen, window.log]), [2, [], ['open']])
  })

  it('a cut, and an answer that is final, are told to every tab', async t => {
    const { hub, sessions, tabs } = await group(t, 3)
    await sessions[0].close()
    for (const page of tabs) await page.waitForFunction(() => window.log.length === 3)
    for (const page of tabs) assert.deepEqual(await page.evaluate(() => window.log), ['open', 'ended', 'open'])
    hub.publish('numbers', 1)
    for (const page of tabs) await hasAll(page, 1)
    await sessions[1].finish()
    for (const page of tabs) {
      await page.waitForFunction(() => window.source.readyState === 2)
      assert.deepEqual(await page.evaluate(() => window.log), ['open', 'ended', 'open', 'ended', 'status', 'closed'])
    }
  })

  it('without Web Locks each tab has a connection of its own', async t => {
    const site = await sharedSite(t)
    const context = await browser.newContext()
    t.after(() => context.close())
    await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }))
    const tabs = [await tab(context, site.url), await tab(context, site.url)]
    for (const page of tabs) await page.evaluate(() => window.listen({ shared: true }))
    await eventually(() => site.hub.stats().connections === 2)
    site.hub.publish('numbers', 1)
    for (const page of tabs) await hasAll(page, 1)
  })
})
