import { Chart } from './chart.js'
import { Client } from './client.js'
import { SharedSource } from './shared-source.js'
import { Slots } from './slots.js'

const PER_PORT = 5
const FIRST = 4
const TOPICS = 'ticks,board'

const find = id => document.getElementById(id)
const number = value => Math.round(value).toLocaleString('en')
const page = crypto.randomUUID().slice(0, 8)
const clients = new Set()
const types = new Set(['message'])
const chart = new Chart(find('chart'))
let troubledAt = 0
const settings = await load()
const origins = settings.streamPorts.map(port => `${location.protocol}//${location.hostname}:${port}`)
const slots = new Slots(origins, PER_PORT)
const { EventSource: SharedEventSource } = settings.client ? await import(settings.client) : {}
let added = 0

find('host').textContent = settings.host
find('ports').textContent = `${origins.length} more ports (${settings.streamPorts.join(', ')})`
find('limits').textContent =
  `a client may lag ${size(settings.slowClient.bytes)} behind (1 MiB by default), and the history goes back ` +
  `${settings.history.ms / 1000} s (300 s by default)`

// Clients

function add() {
  const name = `Client ${++added}`
  const client = new Client({ name, id: `${page}-${added}`, slots, SharedEventSource, topics: TOPICS, types, onEvent: arrived, onCut: cut, onLeave: leave })
  clients.add(client)
  find('cards').append(client.element)
  find('add').disabled = clients.size >= slots.count
}

function cut(client) {
  post(`/clients/${client.id}/cut`)
}

function leave(client) {
  client.close()
  clients.delete(client)
  find('add').disabled = false
  find('add').focus()
}

find('add').addEventListener('click', add)
find('cut-all').addEventListener('click', () => clients.forEach(cut))
for (let count = 0; count < FIRST; count++) add()

const show = () => {
  for (const client of clients) client.show()
  requestAnimationFrame(show)
}
show()

setInterval(() => {
  const open = [...clients].filter(client => client.open)
  const whole = [...clients].every(client => client.whole)
  const summary = `${open.length} of ${clients.size} connected, ${whole ? 'none has lost an event' : 'not every one is whole'}`
  if (find('summary').textContent !== summary) find('summary').textContent = summary
}, 250)

setInterval(() => {
  const delays = [...clients].filter(client => client.open).map(client => client.takeDelay())
  find('delay').textContent = delays.length > 0 ? `${number(Math.max(...delays))} ms` : '–'
}, 1000)

// The counters: they come as events too. All pages of this browser share a connection for them, because the page's own origin has
// six as well. Where the server has ssecast's client, that does it.

const STATS = '/stream?client=counters&topics=stats'
const stats = SharedEventSource ? new SharedEventSource(STATS, { shared: true }) : new SharedSource(STATS, ['reset', 'stats'])
let recent = []
let isLive = false

function lost() {
  recent = []
  isLive = false
  server('connecting', 'reconnecting')
  // A server that is replaced, or a connection that is cut, is back before that.
  setTimeout(() => isLive || trouble('The server can’t be reached. The page goes on by itself as soon as it is back.'), 4000)
}

stats.addEventListener('error', lost)
stats.addEventListener('reset', () => (recent = []))
stats.addEventListener('stats', event => {
  const now = JSON.parse(event.data)
  if (!isLive || Date.now() > troubledAt + 5000) trouble('')
  isLive = true
  server('open', 'live')
  for (const name of ['connections', 'published', 'delivered']) find(name).textContent = number(now[name])
  showConnections(now)
  find('bytes').textContent = size(now.bytes)
  find('history').textContent = number(now.historyEvents)
  find('held').textContent = size(now.heldBytes)
  find('disconnects').textContent = reasons(now.disconnects)
  find('resets').textContent = reasons(now.resets)
  showSlow(now)
  if (now.workers) showWorkers(now.workers)
  followRate(now)
  // They come four times a second, which is too short for a steady rate: it is over the last two seconds.
  recent = [...recent, now].slice(-9)
  if (recent.length > 1) showRates(recent[0], now)
})

function server(state, text) {
  find('server').dataset.state = state
  find('server').textContent = text
}

/** Connections by what they are for: the counters count all that the hub has. */
function showConnections({ connections, open }) {
  const cards = Math.max(connections - open.slow - open.counters, 0)
  find('connections-of').textContent = sum([[cards, 'cards'], [open.slow, 'slow client'], [open.counters, 'for counters']])
}

let rates = { published: 0, delivered: 0 }
function showRates(before, now) {
  const rate = count => Math.round((count(now) - count(before)) / ((now.at - before.at) / 1000))
  const { ticks, blocks, counters, published } = {
    ticks: rate(now => now.counts.ticks), blocks: rate(now => now.counts.blocks), counters: rate(now => now.counts.stats),
    published: rate(now => now.published),
  }
  // What is left is what was published by hand; it may be one more or less by rounding, as the whole may.
  const byHand = published - ticks - blocks - counters > 1 ? published - ticks - blocks - counters : 0
  rates = { published: ticks + blocks + counters + byHand, delivered: rate(now => now.delivered) }
  find('published-rate').textContent = number(rates.published)
  find('delivered-rate').textContent = number(rates.delivered)
  find('published-of').textContent = sum([
    [ticks, 'ticks for the cards'], [blocks, 'blocks for the slow client'], [counters, 'counters for this page'], [byHand, 'by hand'],
  ])
  chart.add(rates.published, rates.delivered)
}

function sum(parts) {
  return parts.filter(([count]) => count > 0).map(([count, what]) => `${number(count)} ${what}`).join(' + ')
}

setInterval(() => {
  const { published, delivered } = rates
  find('chart').ariaLabel = `Events per second in the last half minute; now ${number(published)} published, ${number(delivered)} delivered`
}, 5000)

/** How often each of them happened. The names of reasons are the hub's. */
function reasons(counts) {
  const said = { client: 'left by the client', server: 'ended by the server', shutdown: 'ended by a shutdown', error: 'failed' }
  const some = Object.entries(counts).filter(([, count]) => count > 0)
  return some.map(([reason, count]) => `${number(count)} × ${said[reason] ?? reason}`).join(' · ') || 'none'
}

// The processes, where there are several

function showWorkers(workers) {
  find('workers').hidden = false
  const list = find('worker-list')
  const isLast = workers.filter(worker => worker.isServing).length < 2
  for (const { number, pid, isServing, connections } of workers) {
    const line = list.children[number - 1] ?? addWorker(number)
    const [, state, text, kill] = line.children
    state.dataset.state = isServing ? 'open' : 'closed'
    state.textContent = isServing ? 'serving' : 'gone'
    const serves = `process ${pid}, ${connections} ${connections === 1 ? 'connection' : 'connections'}`
    text.textContent = isServing ? serves : 'is replaced in a moment'
    kill.disabled = isLast || !isServing
  }
}

function addWorker(number) {
  const line = find('worker').content.firstElementChild.cloneNode(true)
  const [name, , , kill] = line.children
  name.textContent = `Server ${number}`
  kill.ariaLabel = `Kill server ${number}`
  kill.addEventListener('click', () => post(`/workers/${number}/kill`))
  find('worker-list').append(line)
  return line
}

// The rate: the slider is logarithmic, from 1 to 500. Another page may move it too.

const slider = find('rate')
const rateOf = value => Math.round(500 ** (value / 100))
slider.addEventListener('input', () => showRate(rateOf(slider.value)))
slider.addEventListener('change', () => post('/rate', { rate: rateOf(slider.value) }))

function showRate(rate) {
  find('rate-value').textContent = `${rate} ticks/s`
}

function followRate({ rate }) {
  if (document.activeElement === slider || rateOf(slider.value) === rate) return
  slider.value = (Math.log(rate) / Math.log(500)) * 100
  showRate(rate)
}

// The slow client lives in the server's process; its report comes with the counters.

let stalled // what the counter of lagged clients said when it stopped
function showSlow({ slow, lagBytes, disconnects }) {
  const limit = settings.slowClient.bytes
  const isStalled = slow.state === 'stalled'
  if (isStalled) stalled ??= { lagged: disconnects.lagged, most: 0 }
  const ended = stalled !== undefined && disconnects.lagged > stalled.lagged
  if (stalled) stalled.most = Math.max(stalled.most, ended ? limit : lagBytes)
  const { resumed } = slow
  const back = !isStalled && stalled !== undefined && (resumed !== undefined || !ended)

  find('slow-state').dataset.state = { reading: 'open', stalled: 'connecting', closed: 'closed' }[slow.state]
  find('slow-state').textContent = slow.state
  find('stall').disabled = slow.state !== 'reading'
  find('read').disabled = !isStalled

  // Its buffers were full for long when it reached the limit: it is over the limit for a moment, and disconnected.
  const isOver = ended && isStalled
  const shown = isOver ? limit : Math.min(lagBytes, limit)
  find('lag').textContent = `${size(shown)} of ${size(limit)}`
  find('lag-more').textContent = isOver ? 'at the limit it was disconnected' : ''
  find('meter').firstElementChild.style.width = `${(shown / limit) * 100}%`
  find('meter').dataset.over = String(isOver)
  find('meter').ariaValueNow = String(Math.round((shown / limit) * 100))

  step('stalled', isStalled && !stalled.most ? 'now' : stalled && 'done', stalled && time(slow.stalledAt), 'everyone else goes on')
  step('lagging', isStalled && stalled.most && !ended ? 'now' : stalled?.most && 'done', stalled?.most && `up to ${size(stalled.most)}`, 'its buffers are full')
  step('ended', ended ? (isStalled ? 'now' : 'done') : undefined, ended && 'reason: lagged', 'past the limit')
  const { reason, missed } = resumed?.reset ?? {}
  const lost = reason ? `reset “${reason}”: ${missed ?? 'some'} missed, and told so` : `${resumed?.lost} lost`
  step('resumed', back ? 'good' : undefined, back && (resumed ? `${number(resumed.replayed)} replayed, ${lost}` : 'never disconnected'), 'from its last event ID')
}

function step(name, state, text, otherwise) {
  const element = find(`step-${name}`)
  const line = element.querySelector('span')
  element.dataset.state = state || ''
  if (line.textContent !== (text || otherwise)) line.textContent = text || otherwise
}

find('stall').addEventListener('click', () => {
  stalled = undefined
  find('stall').disabled = true
  post('/slow/stall')
})
find('read').addEventListener('click', () => {
  find('read').disabled = true
  post('/slow/read')
})

// Publish by hand: on topics and of types that are not the demo's own, which the server refuses, because they are the proof.

find('publish').addEventListener('submit', async submit => {
  submit.preventDefault()
  const { topic, event, data } = Object.fromEntries(new FormData(submit.target))
  const type = event || 'message'
  if (!settings.own.types.includes(type)) types.add(type)
  for (const client of clients) for (const type of types) client.listen(type)
  const { ok, answer } = await post('/publish', { topic, data, ...(event && { event }) })
  find('outcome').dataset.ok = String(ok)
  find('outcome').textContent = ok
    ? `Published as ${answer.id} to ${answer.subscribers} ${answer.subscribers === 1 ? 'client' : 'clients'}${others(answer)}.`
    : [answer.code, answer.message].filter(Boolean).join(': ')
  showArrived()
})

/** A server counts its own clients. */
function others({ worker }) {
  return worker ? ` of server ${worker}, and to those of the other` : ''
}

/** What was published by hand, and how many of this page's clients have it: on a phone the cards are out of sight. */
function arrived(client, { id, type, text }) {
  const line = [...find('arrived').children].find(line => line.dataset.id === id) ?? addArrived(id, type, text)
  const count = (line.dataset.count = Number(line.dataset.count ?? 0) + 1)
  line.lastElementChild.textContent = `${count} of ${clients.size} ${clients.size === 1 ? 'card' : 'cards'}`
}

function addArrived(id, ...texts) {
  const line = document.createElement('li')
  line.dataset.id = id
  line.append(...['b', 'span', 'em'].map((tag, index) => Object.assign(document.createElement(tag), { textContent: texts[index] ?? '' })))
  find('arrived').prepend(line)
  while (find('arrived').children.length > 3) find('arrived').lastElementChild.remove()
  showArrived()
  return line
}

/** The list stands below the form, and so below the edge of a phone; a visitor who uses the form is to see it. */
function showArrived() {
  if (find('publish').contains(document.activeElement)) find('arrived').scrollIntoView({ block: 'nearest' })
}

// What the page asks of the server

async function load() {
  for (;;) {
    const response = await fetch('/settings').catch(() => undefined)
    if (response?.ok) return response.json()
    trouble('The server can’t be reached. The page tries again every second.')
    await new Promise(resolve => setTimeout(resolve, 1000))
  }
}

/** What the server answered: `{ ok, answer }`. If there was no answer, or none of the demo's, the page says so. */
async function post(path, body) {
  const headers = { 'Content-Type': 'application/json' }
  const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body ?? {}) }).catch(() => undefined)
  const answer = await response?.json().catch(() => undefined)
  if (response?.ok) return { ok: true, answer }
  if (answer?.message) return { ok: false, answer }
  const message = response ? `The server answered ${response.status} ${response.statusText}.` : 'The server can’t be reached: that did not get to it. Try again.'
  trouble(message)
  return { ok: false, answer: { message } }
}

/** Says what is wrong, at the top of the page; an empty text takes it away. */
function trouble(text) {
  troubledAt = Date.now()
  find('trouble').hidden = !text
  find('trouble').textContent = text
}

function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1)
  const value = bytes / 1024 ** power
  return `${power > 0 && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[power]}`
}

function time(at) {
  return `at ${new Date(at).toLocaleTimeString('en-GB')}`
}
