// A stream by hub.response in the runtime's own server, and its client in the same process.
import { createHub, events } from 'ssecast'

const hub = createHub()
const handler = request => hub.response(request, { topics: ['t'], cors: true })
const signal = AbortSignal.timeout(20_000)
let url
let stop
if (globalThis.Bun) {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch: handler })
  url = server.url.href
  stop = () => server.stop(true)
} else if (globalThis.Deno) {
  const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen() {} }, handler)
  url = `http://127.0.0.1:${server.addr.port}/`
  stop = () => server.shutdown()
}

const open = lastEventId => fetch(url, { signal, headers: lastEventId ? { 'Last-Event-ID': lastEventId } : {} })
async function take(stream, count) {
  const taken = []
  while (taken.length < count) taken.push((await stream.next()).value.data)
  return taken
}
async function eventually(condition) {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}

const [one, two] = [await open(), await open()].map(response => events(response))
const { id } = hub.publish('t', '1')
const first = [await take(one, 1), await take(two, 1)]
await one.return()
await eventually(() => hub.stats().connections === 1)
for (const data of ['2', '3']) hub.publish('t', data)
const again = events(await open(id))
const resumed = [await take(again, 2), await take(two, 2)]
const rest = Promise.all([again.next(), two.next()])
await hub.close()
const ended = (await rest).map(({ done }) => done)
await stop()
console.log(JSON.stringify({ first, resumed, ended }))
process.exit()
