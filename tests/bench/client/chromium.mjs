// Measures the clients of a page in a real Chromium: `node chromium.mjs <port>` prints one line of JSON for each. sse.js, which is
// XMLHttpRequest's, and the browser's own run nowhere else.
import { launch } from '../../browser/support/browser.mjs'

const port = process.argv[2]
const events = process.env.QUICK === undefined ? 100_000 : 20_000
const clients = {
  'ssecast/client': "new (await import('/npm/dist/esm/client/index.js')).EventSource(url)",
  'the browser’s own': 'new EventSource(url)',
  'sse.js': "new (await import('/npm/node_modules/sse.js/lib/sse.js')).SSE(url, { start: true })",
}
const browser = await launch()
try {
  for (const [client, code] of Object.entries(clients)) {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${port}/page`)
    const measured = await page.evaluate(
      async ({ code, saturating, paced, events }) => {
        const { pace, saturate } = await import('/tests/bench/client/measure.mjs')
        const make = new (async () => {}).constructor('url', `return { source: ${code} }`)
        const open = (url, { onEvent, onEnd }) => {
          const made = make(url).then(({ source }) => {
            source.onmessage = ({ data }) => onEvent(data)
            source.addEventListener('end', onEnd)
            return source
          })
          return () => void made.then(source => source.close())
        }
        const rounds = []
        for (let round = 0; round < 5; round++) rounds.push(await saturate(open, saturating))
        if (rounds.some(({ count }) => count !== events)) throw new Error(`lost events: ${JSON.stringify(rounds)}`)
        const times = await pace(open, paced, data => (performance.timeOrigin + performance.now() - Number(data.split(' ')[1])) * 1000)
        const wall = Math.min(...rounds.map(({ wall }) => wall))
        return { wall, p50: times[Math.floor(times.length / 2)], p99: times[Math.floor(times.length * 0.99)] }
      },
      { code, saturating: `/saturating?events=${events}&piece=${16 << 10}`, paced: '/paced?events=3000&rate=1000', events }
    )
    console.log(JSON.stringify({ language: 'Chromium', client, ...measured }))
    await page.close()
  }
} finally {
  await browser.close()
}
