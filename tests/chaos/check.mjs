// What must be true of a run, however it went.
import assert from 'node:assert/strict'

/**
 * Checks what the clients saw against each other and against what the publishers were told: `published` has the text of each
 * event that was acknowledged, by its id; `refused` has the texts of those that were refused, where that is certain, and
 * `unanswered` of those that may be there.
 */
export function check({ clients, topicOf, published, refused, unanswered }) {
  const truth = new Map()
  const counts = { deliveries: 0, resets: 0, missed: 0 }
  for (const { seen } of clients) {
    for (const { id, data } of seen) {
      if (!data) continue
      const text = JSON.stringify(data)
      assert.equal(truth.get(id) ?? text, text, `two events have the id ${id}`)
      truth.set(id, text)
    }
  }
  const places = [...new Map([...truth, ...published])].map(([id, text]) => ({ ...place(id), topic: topicOf(JSON.parse(text)) }))
  // Those that no client saw may be what some were told that they missed.
  const seen = new Set(truth.values())
  const unseen = [...unanswered].filter(text => !seen.has(text)).map(text => topicOf(JSON.parse(text)))
  for (const [index, client] of clients.entries()) checkClient(`client ${index}`, client, places, unseen, counts)
  for (const [id, text] of published) {
    if (truth.has(id)) assert.equal(truth.get(id), text, `${id} was acknowledged for another event`)
  }
  // What is published again because its answer was lost, with the whole log, is in another life of it.
  const inEpochs = new Set([...truth].map(([id, text]) => place(id).epoch + text))
  assert.equal(inEpochs.size, truth.size, 'an event was delivered under two ids')
  for (const text of refused) assert.ok(!seen.has(text), `${text} was refused, and delivered`)
  return counts
}

/** One client has what its topics had, in order, once, from where it began; or it was told how much it lacks. */
function checkClient(name, { topics, seen }, places, unseen, counts) {
  const mine = places.filter(({ topic }) => topics.includes(topic))
  const topicAt = new Map(mine.map(place => [`${place.epoch}-${place.number}`, place.topic]))
  let last
  /** Topics that have lost their oldest events, of which none has come since the reset: a topic may have kept more than another. */
  let short = new Set()
  /** How much of what it was told that it lacks was not found missing; of another epoch it is not said. */
  let left = 0
  for (const { id, reset } of seen) {
    if (reset) {
      counts.resets++
      counts.missed += reset.missed ?? 0
      assert.ok(['epoch', 'expired'].includes(reset.reason), `${name}: a reset for ${reset.reason} at ${id}`)
      if (reset.reason === 'epoch') last = { ...place(id), number: 0 }
      left = reset.reason === 'epoch' ? Infinity : left + reset.missed
      short = new Set(topics)
      continue
    }
    counts.deliveries++
    const now = place(id)
    if (last) {
      assert.equal(now.epoch, last.epoch, `${name}: another epoch began without a reset, at ${id}`)
      assert.ok(now.number > last.number, `${name}: ${id} came after number ${last.number}`)
      const missing = mine.filter(({ epoch, number }) => epoch === now.epoch && number > last.number && number < now.number)
      for (const { number, topic } of missing) assert.ok(short.has(topic), `${name}: ${number} of ${topic} is missing before ${id}`)
      assert.ok(missing.length <= left, `${name}: ${missing.length} events are missing before ${id}, and it was told of ${left}`)
      left -= missing.length
    }
    last = now
    short.delete(topicAt.get(id))
  }
  // With several topics, one that is cut off in the middle of a replay is told once more of what its place leaves open.
  const most = unseen.filter(topic => topics.includes(topic)).length
  if (topics.length === 1 && left !== Infinity) assert.ok(left <= most, `${name}: it was told of ${left} events that it did not miss`)
}

function place(id) {
  const [epoch, number] = id.split('-')
  return { epoch, number: Number(number) }
}
