// What must be true of a run, however it went.
import assert from 'node:assert/strict'

/**
 * Checks what the clients saw against each other and against what the publishers were told: `published` has the text of each
 * event that was acknowledged, by its id; `refused` has the texts of those that were refused, where that is certain.
 */
export function check({ clients, topicOf, published, refused }) {
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
  for (const [index, { topics, seen }] of clients.entries()) checkClient(`client ${index}`, topics, seen, places, counts)
  for (const [id, text] of published) {
    if (truth.has(id)) assert.equal(truth.get(id), text, `${id} was acknowledged for another event`)
  }
  const texts = new Set(truth.values())
  assert.equal(texts.size, truth.size, 'an event was delivered under two ids')
  for (const text of refused) assert.ok(!texts.has(text), `${text} was refused, and delivered`)
  return counts
}

/** One client has what its topics had, in order, once, from where it began; or it was told how much it lacks. */
function checkClient(name, topics, seen, places, counts) {
  const mine = places.filter(({ topic }) => topics.includes(topic))
  const between = (epoch, after, before) =>
    mine.filter(place => place.epoch === epoch && place.number > after && place.number < before).length
  let last
  // What resets said since then: two in a row add up, since the client came back to the place that the first one told.
  let missed = 0
  for (const { id, reset } of seen) {
    if (reset) {
      counts.resets++
      assert.ok(['epoch', 'expired'].includes(reset.reason), `${name}: a reset for ${reset.reason} at ${id}`)
      if (reset.reason === 'epoch') last = undefined
      else missed += reset.missed
      continue
    }
    counts.deliveries++
    const now = place(id)
    if (last) {
      assert.equal(now.epoch, last.epoch, `${name}: another epoch began without a reset, at ${id}`)
      assert.ok(now.number > last.number, `${name}: ${id} came after number ${last.number}`)
      const gap = between(now.epoch, last.number, now.number)
      assert.equal(gap, missed, `${name}: ${gap} events are missing before ${id}, and ${missed} were said to be`)
    }
    counts.missed += missed
    ;[last, missed] = [now, 0]
  }
}

function place(id) {
  const [epoch, number] = id.split('-')
  return { epoch, number: Number(number) }
}
