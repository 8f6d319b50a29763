import { createReadStream } from 'node:fs';
import http from 'node:http';
import { createHub, sseMiddleware } from 'ssecast';

const hub = createHub({ retryMs: 10_000 });
const stream = sseMiddleware(hub, {
  topics: ['time'],
  onConnect(session) {
    session.send(String(new Date()), { event: 'connecttime' });
    session.send(String(new Date()));
  },
});

setInterval(() => hub.publish('time', String(new Date())), 1000);

http.createServer((req, res) => {
  if (req.url === '/stream') return stream(req, res);
  res.setHeader('Content-Type', 'text/html');
  createReadStream(new URL('index.html', import.meta.url)).pipe(res);
}).listen(process.env.PORT ?? 9999);
