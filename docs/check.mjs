// Fails for a link, a picture or an anchor of the built site that leads nowhere: `node check.mjs [--with-references]`.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const site = fileURLToPath(new URL('.vitepress/dist', import.meta.url))
const base = process.env.DOCS_BASE ?? '/'
const hasReferences = process.argv.includes('--with-references')
/** Made by the tools of the languages, which check their own links. */
const isReference = path => /^api\/(node|python|rust|c|java)\//.test(path)

const pages = readdirSync(site, { recursive: true }).filter(path => path.endsWith('.html') && !isReference(path))
const texts = new Map()
const textOf = path => texts.get(path) ?? texts.set(path, readFileSync(path, 'utf8')).get(path)
const problems = []
let count = 0

for (const page of pages) {
  for (const [, link] of textOf(join(site, page)).matchAll(/ (?:href|src)="([^"]*)"/g)) {
    if (/^(https?:|data:|mailto:)/.test(link)) continue
    count++
    const [path, anchor] = link.replaceAll('&amp;', '&').split('#')
    let target = path.startsWith('/') ? join(site, path.slice(base.length)) : join(site, dirname(page), path)
    if (path === '') target = join(site, page)
    if (isReference(relative(site, target)) && !hasReferences) continue
    if (existsSync(target) && statSync(target).isDirectory()) target = join(target, 'index.html')
    if (!existsSync(target) && existsSync(`${target}.html`)) target += '.html'
    if (!existsSync(target)) problems.push(`${page}: ${link} leads nowhere`)
    else if (anchor && target.endsWith('.html') && !textOf(target).includes(`id="${decodeURIComponent(anchor)}"`)) {
      problems.push(`${page}: ${link} has no such anchor`)
    }
  }
}
if (pages.length === 0) problems.push('there is no site: make docs')
for (const problem of problems) console.error(problem)
console.log(`${pages.length} pages, ${count} links${problems.length ? '' : ', all of which lead somewhere'}`)
process.exit(problems.length ? 1 : 0)
