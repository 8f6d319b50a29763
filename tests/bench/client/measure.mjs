// What is measured of a client in JavaScript, in Node and in a page. A client is a function that opens a source:
// `open(url, { onEvent, onEnd })` gives a function that closes it.

/** Microseconds from the first event to the end, for one event: `{ count, wall }`. */
export function saturate(open, url) {
  return new Promise(resolve => {
    let count = 0
    let begun
    const close = open(url, {
      onEvent() {
        if (count++ === 0) begun = performance.now()
      },
      onEnd() {
        const wall = (performance.now() - begun) * 1000
        close()
        resolve({ count, wall: wall / count })
      },
    })
  })
}

/** How long each event took from the server's write to the handler, in order of size; `age` says it of an event's data. */
export function pace(open, url, age) {
  return new Promise(resolve => {
    const times = []
    const close = open(url, {
      onEvent: data => times.push(age(data)),
      onEnd() {
        close()
        resolve(times.sort((a, b) => a - b))
      },
    })
  })
}

/** Opens so many sources, each of which has had its first event, and gives what closes them. */
export async function openMany(open, url, count) {
  const closes = []
  await Promise.all(Array.from({ length: count }, () => new Promise(resolve => closes.push(open(url, { onEvent: resolve, onEnd() {} })))))
  return () => closes.forEach(close => close())
}
