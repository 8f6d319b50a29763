// A short run; `make chaos` is a long one.
import { test } from 'node:test'
import { run } from './run.mjs'
import { anySeed } from './random.mjs'

const SECONDS = 5

for (const kind of ['file', 'redis']) {
  test(`processes that are killed and stopped, and clients that are cut, lose and repeat nothing with the ${kind} store`, () => run(kind, SECONDS, anySeed()))
}
