// node tests/chaos/main.mjs [seconds] [seed]     STORES=file,redis
import { run } from './run.mjs'
import { anySeed } from './random.mjs'

const [seconds = 30, seed = anySeed()] = process.argv.slice(2).filter(Boolean).map(Number)
for (const kind of (process.env.STORES ?? 'file,redis').split(',')) await run(kind, seconds, seed)
