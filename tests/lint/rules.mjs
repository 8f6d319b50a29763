// Every protocol rule that a comment, a test or a shared vector cites is in tests/vectors/RULES.md.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const root = new URL('../../', import.meta.url)
const read = path => readFileSync(new URL(path, root), 'utf8')
const numbers = text => text.match(/\d+/g).map(Number)

const rules = new Set([...read('tests/vectors/RULES.md').matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number)))

const cited = []
const grep = ['grep', '--only-matching', '-I', '-E', 'SPEC [0-9]+((, | to | and )[0-9]+)*', '--', ':!*.md']
for (const row of execFileSync('git', grep, { cwd: root, encoding: 'utf8' }).trimEnd().split('\n')) {
  const [path, text] = row.split(/:(?=SPEC)/)
  for (const number of numbers(text)) cited.push([path, number])
}
for (const file of ['parse', 'chunks', 'encode']) {
  const path = `tests/vectors/${file}.json`
  for (const vector of JSON.parse(read(path))) for (const number of vector.rules) cited.push([path, number])
}

const wrong = cited.filter(([, number]) => !rules.has(number))
for (const [path, number] of wrong) console.error(`${path} cites rule ${number}, which tests/vectors/RULES.md does not have`)
if (wrong.length > 0) process.exit(1)
console.log(`${cited.length} citations of ${rules.size} protocol rules`)
