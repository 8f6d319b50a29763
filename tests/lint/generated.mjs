// The generated files are committed: makes them anew in a folder of their own and fails if they differ.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const npm = fileURLToPath(new URL('../../npm/', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'ssecast-generated-'))

try {
  // The package's own build command, with another folder to write to.
  const { scripts } = JSON.parse(readFileSync(join(npm, 'package.json'), 'utf8'))
  const command = scripts['build:native'].replace(/--output-dir \S+/, `--output-dir "${folder}"`)
  const files = [...command.matchAll(/--(?:js|dts) (\S+)/g)].map(([, file]) => file)
  const env = { ...process.env, PATH: `${join(npm, 'node_modules/.bin')}:${process.env.PATH}` }
  const build = spawnSync(command, { cwd: npm, shell: true, stdio: 'inherit', env })
  if (build.status !== 0) throw new Error(`'${command}' failed`)

  const drifted = files.filter(
    file => readFileSync(join(npm, file), 'utf8') !== readFileSync(join(folder, file), 'utf8'),
  )
  for (const file of drifted) {
    console.error(`npm/${file} is not what the source makes now; run 'make build' and commit it`)
    spawnSync('diff', ['-u', join(npm, file), join(folder, file)], { stdio: 'inherit' })
  }
  if (drifted.length > 0) process.exitCode = 1
  else console.log(`generated files: ${files.join(', ')} in npm/ are what the source makes`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
