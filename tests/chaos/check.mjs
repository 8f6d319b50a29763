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
  assert.equal(seen.size, truth.size, 'an event was delivered under two ids')
  for (const text of refused) assert.ok(!seen.has(text), `${text} was refused, and delivered`)
  return counts
}

/** One client has what its topics had, in order, once, from where it began; or it was told how much it lacks. */
function checkClient(name, { topics, seen }, places, unseen, counts) {
  const mine = places.filter(({ topic }) => topics.includes(topic))
  const between = (epoch, after, before) =>
    mine.filter(place => place.epoch === epoch && place.number > after && place.number < before).length
  let last
  // What it was told that it lacks, and what of that was not found missing yet: a topic may have kept older events than another.
  let told = 0
  let left = 0
  for (const { id, reset } of seen) {
    if (reset) {
      counts.resets++
      assert.ok(['epoch', 'expired'].includes(reset.reason), `${name}: a reset for ${reset.reason} at ${id}`)
      if (reset.reason === 'epoch') last = undefined
      told += reset.missed ?? 0
      left = reset.reason === 'epoch' ? 0 : left + reset.missed
      continue
    }
    counts.deliveries++
    const now = place(id)
    if (last) {
      assert.equal(now.epoch, last.epoch, `${name}: another epoch began without a reset, at ${id}`)
      assert.ok(now.number > last.number, `${name}: ${id} came after number ${last.number}`)
      const gap = between(now.epoch, last.number, now.number)
      assert.ok(gap <= left, `${name}: ${gap} events are missing before ${id}, and it was told of ${left}`)
      left -= gap
    }
    last = now
  }
  counts.missed += told
  // With several topics, one that is cut off in the middle of a replay is told once more of what its place leaves open.
  const most = unseen.filter(topic => topics.includes(topic)).length
  if (topics.length === 1) assert.ok(left <= most, `${name}: it was told of ${left} events that it did not miss`)
}

function place(id) {
  const [epoch, number] = id.split('-')
  return { epoch, number: Number(number) }
}
