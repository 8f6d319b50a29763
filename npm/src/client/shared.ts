import { connect, type Connection, type Entry, type Listener } from './connection.js'
import type { Loss } from './loss.js'
import type { Settings } from './options.js'

/**
 * One connection for all tabs. Each tab asks for one and the same lock; the tab that holds it is the leader. It has the
 * connection, and posts every entry of the stream on a channel, with its number.
 *
 * Why no tab misses or repeats an event, whoever leads:
 * - An entry is posted before the leader's own handlers get it. Posting reaches every tab or none: the browser passes a
 *   message on to all. So tabs differ only by messages that are still under way.
 * - A tab takes entries of one leader's term only, and only the one after its own place. What is older it has; if one is
 *   missing, it catches up.
 * - A new leader resumes from its own place. It says so, with a higher term, before its first entry. A tab at the same
 *   place goes on. A tab that is ahead knows the ids of what it has beyond that place, and skips them. A tab that is
 *   behind, or has a place in another log, catches up.
 * - Catching up is a connection of its own, which resumes from the tab's own id. It ends where its stream and the channel
 *   carry the same id. What the channel brought beyond it comes next.
 * - A leader that was frozen, and then lost its lock, speaks with a term that is over, so that nothing it posts is taken.
 *   What it gave to its own page it skips, as a tab that is ahead.
 */
export interface SharedConnection extends Connection {
  /** Where the tab is. */
  readonly place: Place | undefined
}

/** A place in a log: `at` entries were taken since the first leader began it. */
interface Place {
  log: string
  at: number
  id: string
}

/** What a leader says about itself. */
interface State extends Place {
  kind: 'state'
  term: number
  isOpen: boolean
}

type Message =
  | State
  | { kind: 'entry'; term: number; at: number; entry: Entry }
  | { kind: 'lost'; term: number; loss: Loss }
  /** Asks the leader for its state. */
  | { kind: 'hello' }
  /** A new leader asks everybody; each answers with its place, if it has one. */
  | { kind: 'poll' }
  | { kind: 'place'; term: number; place: Place | undefined }

type Numbered = Extract<Message, { kind: 'entry' }>

/** How long a new leader without a place waits for one. */
const POLL = 250
/** How often a tab looks whether the leader has said anything. */
const LOOK = 5000
/** After so many looks without a word from it, asked for, the lock is taken from it. */
const SILENT_LOOKS = 3
/** The most ids that are remembered, and entries that wait while a tab catches up. */
const MOST = 4096

/** Whether tabs can share: Web Locks are missing in old browsers, and on pages that did not come over TLS. */
export function canShare(): boolean {
  return globalThis.navigator?.locks !== undefined && globalThis.BroadcastChannel !== undefined
}

export function share(settings: Settings, place: Place | undefined, listener: Listener): SharedConnection {
  const { url, headers, method, body, withCredentials } = settings
  // Streams that differ are not shared. What a function returns can't be compared.
  const own = headers && typeof headers !== 'function' ? [...new Headers(headers as HeadersInit)] : typeof headers
  const name = `ssecast ${JSON.stringify([url.href, withCredentials, method, body, own])}`
  const { locks } = navigator
  const channel = new BroadcastChannel(name)
  const post = (message: Message) => channel.postMessage(message)

  let isClosed = false
  /** Whether `open` was told, and nothing was lost since. */
  let isOpen = false
  /** The term of the leader that is followed, or one's own. */
  let term = 0
  /** The leader's connection, while this tab is the leader. */
  let leading: { connection: Connection; isOpen: boolean } | undefined
  /** Gives the lock back, or the request for it. */
  let leave = () => {}
  /** Takes the answers to a poll. */
  let collect: ((place: Place | undefined) => void) | undefined
  let endPoll = () => {}
  let catching: { connection: Connection; targets: Place[]; pending: Numbered[] } | undefined
  /** The ids of what this tab has taken. */
  let recent: string[] = []
  /** The ids of what it has taken already beyond its place, and how many entries that is. */
  let skip = new Set<string>()
  let skipped = 0
  let silence = 0

  const state = (): State => ({ kind: 'state', term, isOpen: leading!.isOpen, ...place! })

  /** Gives an entry to this tab, unless it has it. */
  function deliver(entry: Entry): void {
    if (skipped > 0) {
      skipped--
      if (entry.hasId && skip.has(entry.lastEventId)) return
    }
    if (entry.hasId && recent.push(entry.lastEventId) > 2 * MOST) recent = recent.slice(MOST)
    listener.entry(entry)
  }

  function opened(): void {
    if (isOpen) return
    isOpen = true
    listener.open()
  }

  function lost(loss: Loss): void {
    isOpen = false
    if (loss.retryIn === undefined) close()
    listener.lost(loss)
  }

  function take({ at, entry }: Numbered): void {
    place = { ...place!, at, id: entry.lastEventId }
    deliver(entry)
  }

  channel.onmessage = ({ data: message }: MessageEvent<Message>) => {
    if (isClosed) return
    switch (message.kind) {
      case 'hello':
        if (leading) post(state())
        return
      case 'poll':
        silence = 0
        return post({ kind: 'place', term, place: catching ? undefined : place })
      case 'place':
        term = Math.max(term, collect ? message.term : 0)
        return collect?.(message.place)
    }
    if (message.term < term) return
    if (leading) {
      // Another tab took the lock while this one was frozen, and leads.
      if (message.term === term) return
      leave()
    }
    silence = 0
    if (message.kind === 'state') return follow(message)
    if (message.term !== term || !place) return
    if (message.kind === 'lost') return lost(message.loss)
    if (catching) {
      if (catching.pending.push(message) > MOST) catching.pending.shift()
      settle()
    } else if (message.at === place.at + 1) take(message)
    // Without ids there is no going back.
    else if (message.at > place.at && (place.id === '' || !message.entry.hasId)) take(message)
    else if (message.at > place.at) catchUp({ ...place, at: message.at, id: message.entry.lastEventId })
  }

  function follow(leader: State): void {
    const isNew = leader.term > term
    term = leader.term
    const { log, at, id } = leader
    if (!place) place = { log, at, id }
    else if (catching ? isNew : place.log !== log || place.at < at) catchUp({ log, at, id })
    else if (isNew && !catching && place.at > at) {
      skipped = place.at - at + skipped
      skip = new Set(recent.slice(recent.lastIndexOf(id) + 1))
      place = { log, at, id }
    }
    if (leader.isOpen && !isClosed) opened()
  }

  function catchUp(target: Place): void {
    catching?.connection.close()
    catching = undefined
    const from = place!.id
    // Where there is no id, nothing can be had again.
    if (from === '' || from === target.id) {
      place = target
      return
    }
    const connection = connect(settings, from, {
      open: opened,
      entry(entry) {
        place = { ...place!, id: entry.lastEventId }
        deliver(entry)
        if (catching && !isClosed) settle()
      },
      lost(loss) {
        // The channel is what is left.
        if (loss.retryIn === undefined && catching) settle(catching.targets[0])
      },
    })
    catching = { connection, targets: [target], pending: [] }
  }

  /** Ends catching up, if the tab is at a place that the channel carries too. */
  function settle(found?: Place): void {
    const { connection, targets, pending } = catching!
    const { log } = targets[0]!
    found ??= targets.find(({ id }) => id === place!.id)
    const same = pending.find(({ entry }) => entry.hasId && entry.lastEventId === place!.id)
    if (!found && same) found = { log, at: same.at, id: place!.id }
    if (!found) return
    connection.close()
    catching = undefined
    place = found
    for (const message of pending) if (!isClosed && !catching && message.at === place.at + 1) take(message)
  }

  /** Asks for the lock, or takes it from a tab that is silent. */
  function enter(steal: boolean): void {
    const controller = new AbortController()
    let release = () => controller.abort()
    let isOver = false
    leave = () => {
      isOver = true
      leading?.connection.close()
      leading = undefined
      release()
    }
    const hold = () =>
      new Promise<void>(resolve => {
        release = resolve
        if (isOver) resolve()
        else void lead(() => isOver)
      })
    locks
      .request(name, steal ? { steal } : { signal: controller.signal }, hold)
      // Taken by another tab, given back, or no longer asked for.
      .catch(() => {})
      .then(() => {
        current()
        // If another request has taken the place of this one, that is enough.
        if (isClosed || leave !== current) return
        enter(false)
        post({ kind: 'hello' })
      })
    const current = leave
  }

  async function lead(isOver: () => boolean): Promise<void> {
    const best = await poll()
    if (isOver() || isClosed) return
    if (catching) {
      // Its place in the channel's log is not known.
      catching.connection.close()
      catching = undefined
      place = { ...place!, log: crypto.randomUUID(), at: 0 }
    }
    place ??= best ?? { log: crypto.randomUUID(), at: 0, id: settings.lastEventId }
    // Higher than any that was heard of. A tab that has heard of none has the clock.
    term = Math.max(term + 1, Date.now())
    const current = {
      isOpen: false,
      connection: connect(settings, place.id, {
        open() {
          current.isOpen = true
          post(state())
          opened()
        },
        entry(entry) {
          place = { ...place!, at: place!.at + 1, id: entry.lastEventId }
          post({ kind: 'entry', term, at: place.at, entry })
          deliver(entry)
        },
        lost(loss) {
          current.isOpen = false
          post({ kind: 'lost', term, loss: { ...loss, error: undefined } })
          lost(loss)
        },
      }),
    }
    leading = current
    post(state())
  }

  /** The furthest place that another tab has, if this one has none. */
  async function poll(): Promise<Place | undefined> {
    const { pending = [] } = await locks.query()
    const others = pending.filter(request => request.name === name).length
    if (others === 0 || isClosed) return undefined
    return new Promise(resolve => {
      let best: Place | undefined
      let answers = 0
      endPoll = () => {
        clearTimeout(timer)
        collect = undefined
        resolve(best)
      }
      const timer = setTimeout(endPoll, POLL)
      collect = other => {
        if (other && other.at >= (best?.at ?? 0)) best = other
        if (++answers >= others) endPoll()
      }
      post({ kind: 'poll' })
    })
  }

  const timer = setInterval(() => {
    if (leading || collect) silence = 0
    else if (++silence === 1) post({ kind: 'hello' })
    else if (silence > SILENT_LOOKS) {
      silence = 0
      leave()
      enter(true)
    }
  }, LOOK)

  function close(): void {
    if (isClosed) return
    isClosed = true
    clearInterval(timer)
    catching?.connection.close()
    leave()
    endPoll()
    channel.close()
  }

  enter(false)
  post({ kind: 'hello' })

  return {
    close,
    get place() {
      return place
    },
    get lastEventId() {
      return place?.id ?? ''
    },
    get reconnectionTime() {
      return leading?.connection.reconnectionTime ?? settings.retry.first
    },
  }
}
