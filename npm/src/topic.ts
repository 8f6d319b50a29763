import { SsecastError } from './error.js'
import { described } from './value.js'

/** Throws unless a topic that something is published to is a string. */
export function checkTopic(topic: unknown): asserts topic is string {
  if (typeof topic === 'string') return
  const problem = `must be a string, as in publish('ticks', data), not ${described(topic)}`
  throw new SsecastError('SSECAST_INVALID_TOPIC', 'topic', problem)
}
