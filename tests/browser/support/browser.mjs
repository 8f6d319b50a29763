import { chromium } from 'playwright-core'
import { provideChromium } from '../chromium/provide.mjs'

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts a Chromium of its own, with a new, empty profile. */
export async function launch(...flags) {
  const { executablePath, env } = await provideChromium()
  return chromium.launch({ executablePath, env: { ...process.env, ...env }, args: [...FLAGS, ...flags] })
}

/** Collects what a page reports as wrong: errors on its console, and exceptions that no handler caught. */
export function problemsOf(page) {
  const problems = []
  page.on('console', message => message.type() === 'error' && problems.push(message.text()))
  page.on('pageerror', error => problems.push(String(error)))
  return problems
}
