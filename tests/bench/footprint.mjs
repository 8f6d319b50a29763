// What an idle client costs in memory: `node footprint.mjs`, or `make bench-footprint`, as root (slabinfo). CLIENTS (5000) says
// how many there are. The engine is measured without Node; the load client is on this machine, and has half of the sockets.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Process } from './process.mjs'
import { Rig } from './rig.mjs'
import { number, table } from './table.mjs'

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('load/target', import.meta.url))
const clients = Number(process.env.CLIENTS ?? 5000)
/** The kernel's objects of a connection that is idle, by their caches. One of each is the server's. */
const CACHES = ['TCP', 'sock_inode_cache', 'filp', 'dentry', 'eventpoll_epi']

function objects() {
  const lines = readFileSync('/proc/slabinfo', 'utf8').split('\n').map(line => line.split(/\s+/))
  return Object.fromEntries(lines.filter(([name]) => CACHES.includes(name)).map(([name, active, , size]) => [name, { active: Number(active), size: Number(size) }]))
}

const before = objects()
const rig = await Rig.start(() => new Process(`${target}/release/engine`, 1), clients)
const after = objects()
const rows = CACHES.filter(name => after[name]).map(name => {
  const count = (after[name].active - before[name].active) / clients
  // The load client's poll is level-triggered epoll as well: it has half of these, too.
  return { what: name, count: count / 2, bytes: (count / 2) * after[name].size }
})
const sockets = execFileSync('ss', ['-tmnH', 'state', 'established'], { encoding: 'utf8', maxBuffer: 1 << 28 })
const buffered = [...sockets.matchAll(/skmem:\(r(\d+),rb\d+,t(\d+)/g)].reduce((sum, [, received, sent]) => sum + Number(received) + Number(sent), 0)
rows.push({ what: 'buffers of idle sockets (ss -m)', bytes: buffered / (2 * clients) })
rows.push({ what: "the engine's process (RSS)", bytes: rig.perConnection })
rows.push({ what: 'together', bytes: rows.reduce((sum, row) => sum + row.bytes, 0) })
await rig.close()
console.log(
  table(rows, { 'of a client': row => row.what, objects: row => number(row.count), bytes: row => number(row.bytes), '100,000 clients': row => number((row.bytes * 1e5) / 2 ** 20, 'MiB'), '1,000,000 clients': row => number((row.bytes * 1e6) / 2 ** 30, 'GiB') })
)
process.exit()
