// The modules of a crate use each other in one direction: none of them leads back to itself.
import { readdirSync, readFileSync } from 'node:fs'

/** The circles among modules. `uses` says for each module which others its code names. */
export function circlesOf(uses) {
  // Tarjan: the modules that reach each other.
  const circles = []
  const found = new Map()
  const stack = []
  const visit = name => {
    const state = { index: found.size, lowest: found.size, onStack: true }
    found.set(name, state)
    stack.push(name)
    for (const other of uses.get(name) ?? []) {
      if (!found.has(other)) state.lowest = Math.min(state.lowest, visit(other).lowest)
      else if (found.get(other).onStack) state.lowest = Math.min(state.lowest, found.get(other).index)
    }
    if (state.lowest === state.index) {
      const members = stack.splice(stack.indexOf(name))
      for (const member of members) found.get(member).onStack = false
      if (members.length > 1) circles.push(members.sort())
    }
    return state
  }
  for (const name of uses.keys()) if (!found.has(name)) visit(name)
  return circles
}

/** Which modules the code of each module of a crate names: not its comments, and not its tests. */
export function usesOf(folder) {
  const files = readdirSync(folder, { recursive: true }).filter(file => file.endsWith('.rs'))
  const modules = new Map(files.map(file => [moduleOf(file), readFileSync(`${folder}/${file}`, 'utf8')]))
  return new Map([...modules].map(([name, text]) => [name, new Set(pathsOf(name, text).map(path => nearest(path, modules)).filter(other => other !== name))]))
}

/** `socket/worker.rs` is the module `socket::worker`, and `lib.rs` is the crate's root, whose name is empty. */
function moduleOf(file) {
  return file.replace(/\.rs$/, '').split('/').filter(part => part !== 'lib' && part !== 'mod').join('::')
}

/** The paths that a module's code names, from the crate's root on. */
function pathsOf(name, text) {
  const code = text.replace(/\/\/.*/g, '').replace(/#\[cfg\((?:all\()?test[\s\S]*/, '')
  const parent = name.split('::').slice(0, -1)
  const paths = [...code.matchAll(/\b(crate|super|self)::((?:\w+::)*)(\w+|\{)/g)]
  return paths.map(([, from, through, last]) => {
    const steps = [...through.split('::').filter(Boolean), ...(last === '{' ? [] : [last])]
    return [...(from === 'crate' ? [] : from === 'super' ? parent : name.split('::')), ...steps]
  })
}

/** The module that a path leads into: its longest beginning that is one. */
function nearest(path, modules) {
  for (let length = path.length; length > 0; length--) {
    const name = path.slice(0, length).join('::')
    if (modules.has(name)) return name
  }
  return ''
}
