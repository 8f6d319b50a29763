// Takes the pictures of the demo that the README and the site show: `node docs/picture.mjs`, after `make build` and `make test-browser`.
import { writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { launch } from '../tests/browser/support/browser.mjs'

const path = relative => new URL(relative, import.meta.url)
const demo = spawn(process.execPath, [path('../npm/examples/demo/server.mjs').pathname], { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
const browser = await launch()
try {
  const [line] = await new Promise(resolve => createInterface(demo.stdout).on('line', line => /http:\S+/.test(line) && resolve(/http:\S+/.exec(line))))
  const page = await browser.newPage({ viewport: { width: 1400, height: 1130 }, reducedMotion: 'reduce' })
  await page.goto(line)
  await page.waitForFunction(() => document.querySelectorAll('.card .pill[data-state=open]').length === 4)
  // Something to see: a chart of half a minute, and a client that was cut off.
  await page.fill('#rate', '60')
  await page.waitForFunction(() => Number(document.querySelector('.card .received').textContent.replace(',', '')) > 700)
  await page.click('.card:nth-child(2) .cut')
  await page.waitForFunction(() => /0 lost/.test(document.querySelector('.card:nth-child(2) .note').textContent))
  await page.waitForFunction(() => Number(document.querySelector('.card .received').textContent.replace(',', '')) > 1300)
  // A click scrolls.
  await page.evaluate(() => scrollTo(0, 0))
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    await page.waitForTimeout(600)
    const png = await page.screenshot()
    const other = await browser.newPage()
    const webp = await other.evaluate(async png => {
      const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob())
      const canvas = Object.assign(document.createElement('canvas'), { width: bitmap.width, height: bitmap.height })
      canvas.getContext('2d').drawImage(bitmap, 0, 0)
      return canvas.toDataURL('image/webp', 0.8).split(',')[1]
    }, png.toString('base64'))
    writeFileSync(path(`public/demo-${colorScheme}.webp`), Buffer.from(webp, 'base64'))
    await other.close()
  }
} finally {
  await browser.close()
  demo.kill('SIGTERM')
}
