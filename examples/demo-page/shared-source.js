// One EventSource for all tabs of a browser: the tab that has the lock reads, and passes the events on to the others. A tab that takes
// over begins live, which is enough for counters; ssecast's client does the same with `shared: true`, and resumes.
export class SharedSource extends EventTarget {
  #channel

  constructor(url, types) {
    super()
    this.#channel = new BroadcastChannel(url)
    this.#channel.addEventListener('message', ({ data }) => this.#dispatch(data))
    navigator.locks.request(url, () => this.#read(url, types))
  }

  /** Never resolves: the browser gives the lock to the next tab when this one is closed. */
  #read(url, types) {
    const source = new EventSource(url)
    for (const type of ['error', ...types]) {
      source.addEventListener(type, ({ data }) => {
        this.#channel.postMessage({ type, data })
        this.#dispatch({ type, data })
      })
    }
    return new Promise(() => {})
  }

  #dispatch({ type, data }) {
    this.dispatchEvent(new MessageEvent(type, { data }))
  }
}
