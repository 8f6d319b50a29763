import express from 'express';
import { createHub, sseMiddleware } from 'ssecast';

const app = express();
const hub = createHub({ retryMs: 10_000 });

app.get('/stream', sseMiddleware(hub, {
  topics: ['time'],
  onConnect(session) {
    session.send(String(new Date()), { event: 'connecttime' });
    session.send(String(new Date()));
  },
}));
app.use((req, res) => res.sendFile('index.html', { root: import.meta.dirname }));

setInterval(() => hub.publish('time', String(new Date())), 1000);

const server = app.listen(process.env.PORT ?? 9999, error => {
  if (error) return console.log(error);
  console.log(`listening on port ${server.address().port}`);
});
