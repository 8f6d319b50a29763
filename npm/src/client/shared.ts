import { connect, type Connection, type Entry, type Listener } from './connection.js'
import type { Loss } from './loss.js'
import type { Settings } from './options.js'

/**
 * One connection for all tabs. Each tab asks for one and the same lock; the tab that holds it is the leader. It has the
 * connection, and posts every entry of the stream on a channel, with its number.
 *
 * Why no tab misses or repeats an event, whichever tab leads:
 * - An entry is posted before the leader's own handlers get it. The browser passes a message on to every tab or to none, so
 *   that tabs differ only by messages that are still under way.
 * - A tab takes entries of one leader's term only, and of those the one after its own place. If one is missing, it catches up.
 * - A new leader resumes from its own place. Before its first entry it posts the id of that place, with a higher term. A tab
 *   at the same id goes on; any other tab, ahead or behind, catches up.
 * - Catching up is a connection of the tab's own, which resumes from the tab's own id. It is closed as soon as the channel
 *   brings an id that the tab has: from then on the tab waits for the channel. Where both are at the same id, the tab drops
 *   what the channel brought up to there, and goes on with what follows. It is made once
 *   the leader has its own, so that tabs which wait for the leader don't take its place among the browser's connections.
 * - A leader that was frozen, and then lost its lock, posts with a term that is over, so that nothing of it is taken. What its
 *   own page got meanwhile put it ahead: it catches up.
 */
export interface SharedConnection extends Connection {
  /** Where the tab is. */
  readonly place: Place | undefined
}

/** A place in the stream: the last event ID, and the number of the entry that brought it. */
interface Place {
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
  /** What one chunk brought: `at` is the number of the first one. */
  | { kind: 'entries'; term: number; at: number; entries: Entry[] }
  | { kind: 'lost'; term: number; loss: Loss }
  /** Asks the leader for its state. */
  | { kind: 'hello' }
  /** A new leader asks all tabs; each answers with its place, if it has one. */
  | { kind: 'poll' }
  | { kind: 'place'; term: number; place: Place | undefined }

interface Numbered {
  at: number
  entry: Entry
}

interface CatchingUp {
  /** Where the channel was when it began. */
  target: Place
  /** What the channel brought since. */
  pending: Numbered[]
  connection: Connection | undefined
  /** The ids that the tab has had since. Once the channel brings one of them, the tab is ahead, and waits for the channel. */
  ids: Set<string>
  isAhead: boolean
}

/** How long a new leader without a place waits for one. */
const POLL = 250
/** How often a tab looks whether the leader has said anything, and a leader whether it is one. */
const LOOK = 2000
/** After so many looks without a word from it, asked for, the lock is taken from it. */
const SILENT_LOOKS = 3
/** The most entries of the channel that wait while a tab catches up. What is dropped comes on its own connection. */
const MOST = 4096

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
  let catching: CatchingUp | undefined
  let silence = 0

  const state = (): State => ({ kind: 'state', term, isOpen: leading!.isOpen, ...place! })

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
    place = { at, id: entry.lastEventId }
    listener.entry(entry)
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
    if (message.kind === 'lost') {
      catching?.connection?.close()
      if (catching) catching.connection = undefined
      return lost(message.loss)
    }
    for (const entry of message.entries) if (!isClosed) receive({ at: message.at++, entry })
  }

  function receive(message: Numbered): void {
    const { at, entry } = message
    if (catching) {
      if (catching.pending.push(message) > MOST) catching.pending.shift()
      if (catching.ids.has(entry.lastEventId)) {
        catching.isAhead = true
        catching.connection?.close()
      }
      settle()
    } else if (at === place!.at + 1) take(message)
    // Without ids there is no going back.
    else if (at > place!.at && (place!.id === '' || !entry.hasId)) take(message)
    else if (at > place!.at) {
      catchUp({ at, id: entry.lastEventId })
      pursue()
    }
  }

  function follow({ term: next, at, id, isOpen: isLeaderOpen }: State): void {
    // Its further states are where its entries have led to.
    if (next > term) {
      term = next
      stopCatchingUp()
      if (!place || place.id === id) place = { at, id }
      else catchUp({ at, id })
    }
    if (!isLeaderOpen) return
    opened()
    if (!isClosed) pursue()
  }

  function catchUp(target: Place): void {
    // Where there is no id, nothing can be had again.
    if (place!.id === '') {
      place = target
      return
    }
    catching = { target, pending: [], connection: undefined, ids: new Set([place!.id]), isAhead: false }
  }

  /** Gets what this tab lacks, once the leader has its connection: a browser has no more than six for all tabs. */
  function pursue(): void {
    if (!catching || catching.connection || catching.isAhead) return
    catching.connection = connect(settings, place!.id, {
      open() {},
      entry(entry) {
        place = { at: place!.at, id: entry.lastEventId }
        listener.entry(entry)
        if (!catching || !entry.hasId) return
        remember(entry.lastEventId)
        settle()
      },
      lost(loss) {
        // The channel is what is left.
        if (loss.retryIn === undefined && catching) settle(catching.target)
      },
    })
  }

  function remember(id: string): void {
    const { ids } = catching!
    ids.add(id)
    if (ids.size > MOST) ids.delete(ids.values().next().value!)
  }

  function stopCatchingUp(): void {
    catching?.connection?.close()
    catching = undefined
  }

  /** Ends catching up, if the tab is where the channel has been. */
  function settle(found?: Place): void {
    const { target, pending } = catching!
    const { id } = place!
    if (target.id === id) found = target
    const same = pending.find(({ entry }) => entry.hasId && entry.lastEventId === id)
    if (same) found = { at: same.at, id }
    if (!found) return
    stopCatchingUp()
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
    const own = await holder()
    if (isOver() || isClosed) return
    stopCatchingUp()
    place ??= best ?? { at: 0, id: settings.lastEventId }
    // Higher than any that was heard of. A tab that has heard of none has the clock.
    term = Math.max(term + 1, Date.now())
    let lookedAt = Date.now()
    let entries: Entry[] = []
    const pass = () => {
      if (entries.length === 0) return
      const all = entries
      entries = []
      post({ kind: 'entries', term, at: place!.at + 1, entries: all })
      place = { at: place!.at + all.length, id: all.at(-1)!.lastEventId }
      for (const entry of all) if (!isClosed) listener.entry(entry)
    }
    const current = {
      isOpen: false,
      connection: connect(settings, place.id, {
        open() {
          current.isOpen = true
          post(state())
          opened()
        },
        entry: entry => void entries.push(entry),
        lost(loss) {
          pass()
          if (isClosed) return
          current.isOpen = false
          post({ kind: 'lost', term, loss: { ...loss, error: undefined } })
          lost(loss)
        },
        full() {
          pass()
          if (Math.abs(Date.now() - lookedAt) < LOOK) return
          return holder().then(id => {
            lookedAt = Date.now()
            if (id !== own && leading === current) leave()
          })
        },
      }),
    }
    leading = current
    post(state())
  }

  /** The tab that has the lock, by the browser's name for it. */
  const holder = async () => (await locks.query()).held?.find(lock => lock.name === name)?.clientId

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
    stopCatchingUp()
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
