import { randomUUID } from 'node:crypto';
import express from 'express';
import { createHub, sseMiddleware } from 'ssecast';
import { openaiResponse, uiMessage } from './protocols.mjs';

const hub = createHub({ store: process.env.STORE ?? 'file:./answers', keepEndedMs: 600_000 });

/** Publishes an answer to a topic of its own, also when it has no reader. */
async function produce(topic, events) {
  for await (const event of events) {
    const { type, sequence_number: number } = event;
    await hub.publish(topic, event, number === undefined ? {} : { event: type, id: `${topic}:${number}` });
  }
  await hub.endTopic(topic);
}

/** The whole of an answer, or what comes after an event of it. */
const read = sseMiddleware(hub, {
  topics: req => [req.params.id],
  replay: 'all',
  lastEventId: ({ params, query, headers }) =>
    query.starting_after ? `${params.id}:${query.starting_after}` : headers['last-event-id'],
  headers: { 'x-vercel-ai-ui-message-stream': 'v1' },
});

const begin = (idOf, eventsOf) => (req, res, next) => {
  req.params.id = idOf(req.body);
  produce(req.params.id, eventsOf(req.body, req.params.id)).catch(console.error);
  next();
};

express()
  .use(express.json())
  .post('/api/chat', begin(({ id }) => id, uiMessage), read)
  .get('/api/chat/:id/stream', read)
  .post('/v1/responses', begin(() => `resp_${randomUUID()}`, openaiResponse), read)
  .get('/v1/responses/:id', read)
  .listen(process.env.PORT ?? 3000);
