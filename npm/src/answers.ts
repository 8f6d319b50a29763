import { addon } from './addon.js'
import { invalidOption, native, SsecastError } from './error.js'
import { described } from './value.js'

// What the application's functions return about a request.

/** Topics as they were given, or as a function returned them. */
export function topicsOf(topics: unknown, verb = 'be'): readonly string[] {
  const refuse = (problem: string) => new SsecastError('SSECAST_INVALID_TOPIC', 'topics', problem)
  const must = `must ${verb} an array of strings, such as ['ticks']`
  if (!Array.isArray(topics)) throw refuse(`${must}, not ${described(topics)}`)
  for (const [index, topic] of topics.entries()) {
    if (typeof topic !== 'string') throw refuse(`${must}, and the item ${index} is ${described(topic)}`)
    try {
      native(() => addon().checkTopic(topic))
    } catch (error) {
      throw refuse(`has an item ${index} that ${(error as SsecastError).message.replace(/^topic /, '')}`)
    }
  }
  return [...topics]
}

/** The result of `lastEventId`. It may come from the client, so no value is an error. */
export function lastEventIdOf(value: unknown): string {
  if (Array.isArray(value)) return lastEventIdOf(value[0])
  if (value === null || value === undefined) return ''
  // No hub knows this ID, so the client gets a reset.
  return typeof value === 'object' || typeof value === 'symbol' ? '?' : String(value)
}

/** How much of the history a stream begins with: a number of events, of which the addon takes infinity for all. */
export function replayOf(replay: unknown): number {
  if (replay === undefined) return 0
  if (replay === 'all') return Infinity
  if (typeof replay === 'number' && Number.isSafeInteger(replay) && replay >= 0) return replay
  throw invalidOption('replay', `must be a number of events, such as 10, or 'all', not ${described(replay)}`)
}
