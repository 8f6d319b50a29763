import { createReadStream } from 'node:fs';
import http from 'node:http';
import { createHub, sseMiddleware } from 'ssecast';

const hub = createHub();
const sendMessage = sseMiddleware(hub, { topics: ['dates'] });

http.createServer((req, res) => {
  if (req.url === '/sendMessage') return sendMessage(req, res);
  res.setHeader('Content-Type', 'text/html');
  createReadStream(new URL('index.html', import.meta.url)).pipe(res);
}).listen(process.env.PORT ?? 3000);

setInterval(() => hub.publish('dates', Date.now()), 1000);
