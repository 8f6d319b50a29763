import express from 'express';
import { createHub, sseMiddleware } from 'ssecast';

const hub = createHub({ retryMs: 10_000 });
const router = express.Router();

router.get('/stream', sseMiddleware(hub, {
  topics: ['time'],
  cors: true,
  onConnect: session => session.send(String(new Date()), { event: 'connecttime' }),
}));
router.get('/', (req, res) => res.sendFile('index.html', { root: import.meta.dirname }));

setInterval(() => {
  const time = { foo: Date.now(), name: 'xutao' };
  hub.publish('time', time, { event: 'onTimeChanged', comment: 'This is a Comment' });
}, 1000);

express().use(router).listen(process.env.PORT ?? 3000);
