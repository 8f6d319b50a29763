import { Chart } from './chart.js'
import { Client } from './client.js'

const PER_PORT = 5
const FIRST = 4
const TOPICS = 'ticks,board'

const find = id => document.getElementById(id)
const number = value => Math.round(value).toLocaleString('en')
const page = crypto.randomUUID().slice(0, 8)
const clients = new Set()
const types = new Set(['message'])
const chart = new Chart(find('chart'))
const settings = await (await fetch('/settings')).json()
const { EventSource: Source } = settings.client ? await import(settings.client) : globalThis
const origins = settings.streamPorts.map(port => `${location.protocol}//${location.hostname}:${port}`)
const most = origins.length * PER_PORT
let added = 0

find('host').textContent = settings.host
find('ports').textContent = `${origins.length} more ports (${settings.streamPorts.join(', ')})`
find('limits').textContent =
  `a client may lag ${size(settings.slowClient.bytes)} behind (1 MiB by default), and the history goes back ` +
  `${settings.history.ms / 1000} s (300 s by default)`

// Clients

function add() {
  // The origin that has the fewest of them.
  const load = origin => [...clients].filter(client => client.origin === origin).length
  const origin = origins.toSorted((one, other) => load(one) - load(other))[0]
  const name = `Client ${++added}`
  const client = new Client({ name, id: `${page}-${added}`, origin, topics: TOPICS, types, onCut: cut, onLeave: leave })
  client.origin = origin
  clients.add(client)
  find('cards').append(client.element)
  find('add').disabled = clients.size >= most
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

// The counters: they come as events too. Where the server has ssecast's client, all pages of this browser share a connection
// for them, so that a second page has room for its own clients.

const stats = new Source('/stream?client=stats&topics=stats', settings.client && { shared: true })
let recent = []

stats.addEventListener('open', () => server('open', 'live'))
stats.addEventListener('error', () => {
  recent = []
  server('connecting', 'reconnecting')
})
stats.addEventListener('reset', () => (recent = []))
stats.addEventListener('stats', event => {
  const now = JSON.parse(event.data)
  for (const name of ['connections', 'published', 'delivered']) find(name).textContent = number(now[name])
  find('bytes').textContent = size(now.bytes)
  find('history').textContent = number(now.historyEvents)
  find('held').textContent = size(now.heldBytes)
  find('disconnects').textContent = reasons(now.disconnects)
  find('resets').textContent = reasons(now.resets)
  showSlow(now)
  if (now.workers) showWorkers(now.workers)
  followRate(now)
  // They come four times a second, which is too short for a steady rate: it is over the last second.
  recent = [...recent, now].slice(-5)
  if (recent.length > 1) showRates(recent[0], now)
})

function server(state, text) {
  find('server').dataset.state = state
  find('server').textContent = text
}

let rates = { published: 0, delivered: 0 }
function showRates(before, now) {
  const rate = name => (now[name] - before[name]) / ((now.at - before.at) / 1000)
  rates = { published: rate('published'), delivered: rate('delivered') }
  find('published-rate').textContent = number(rates.published)
  find('delivered-rate').textContent = number(rates.delivered)
  chart.add(rates.published, rates.delivered)
}

setInterval(() => {
  const { published, delivered } = rates
  find('chart').ariaLabel = `Events per second in the last half minute; now ${number(published)} published, ${number(delivered)} delivered`
}, 5000)

function reasons(counts) {
  const some = Object.entries(counts).filter(([, count]) => count > 0)
  return some.map(([reason, count]) => `${reason} ${number(count)}`).join(' · ') || 'none'
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

  const shown = ended && isStalled ? limit : lagBytes
  find('lag').textContent = `${size(shown)} of ${size(limit)}`
  find('meter').firstElementChild.style.width = `${Math.min(shown / limit, 1) * 100}%`
  find('meter').dataset.over = String(ended && isStalled)
  find('meter').ariaValueNow = String(Math.round(Math.min(shown / limit, 1) * 100))

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

// Publish by hand

find('publish').addEventListener('submit', async submit => {
  submit.preventDefault()
  const { topic, event, data } = Object.fromEntries(new FormData(submit.target))
  const type = event || 'message'
  types.add(type)
  for (const client of clients) client.listen(type)
  const response = await post('/publish', { topic, data, ...(event && { event }) })
  const answer = await response.json()
  find('outcome').dataset.ok = String(response.ok)
  find('outcome').textContent = response.ok
    ? `Published as ${answer.id} to ${answer.subscribers} ${answer.subscribers === 1 ? 'client' : 'clients'}${others(answer)}.`
    : `${answer.code}: ${answer.message}`
})

/** A server counts its own clients. */
function others({ worker }) {
  return worker ? ` of server ${worker}, and to those of the other` : ''
}

function post(path, body) {
  return fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? {}) })
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
