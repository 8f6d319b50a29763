// What the hubs of all processes of the demo are made with.

// Smaller than the defaults, so that a slow client is past them while you watch.
export const options = {
  history: { events: 20_000, bytes: 32 << 20, ms: 20_000 },
  slowClient: { bytes: 512 << 10, ms: 30_000, policy: 'disconnect' },
  retryMs: 1_500,
}

/** What the demo publishes, and what its clients hear of their connection. Its numbers are the proof, so a visitor may not write there. */
export const own = {
  topics: ['ticks', 'blocks', 'stats'],
  types: ['tick', 'block', 'stats', 'worker', 'reset', 'open', 'error'],
}
