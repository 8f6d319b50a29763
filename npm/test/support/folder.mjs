import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a folder of the test's own; it is gone after the test. */
export async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), 'ssecast-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

/** The URL of a file store of the test's own. */
export async function fileStore(t) {
  return `file:${await folder(t)}/events`
}
