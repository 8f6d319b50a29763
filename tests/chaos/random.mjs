/** Random numbers that a seed brings back: mulberry32. */
export function random(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { next, below: most => Math.floor(next() * most), of: list => list[Math.floor(next() * list.length)] }
}

export function anySeed() {
  return Math.floor(Math.random() * 2 ** 32)
}
