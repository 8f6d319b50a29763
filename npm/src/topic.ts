import { SsecastError } from './error.js'
import { described } from './value.js'

/** Throws unless a topic is a string; `example` is the call, as it should be. */
export function checkTopic(topic: unknown, example = "publish('ticks', data)"): asserts topic is string {
  if (typeof topic === 'string') return
  const problem = `must be a string, as in ${example}, not ${described(topic)}`
  throw new SsecastError('SSECAST_INVALID_TOPIC', 'topic', problem)
}
