import { createReadStream } from 'node:fs';
import http from 'node:http';
import { sseMiddleware } from 'ssecast';

const stream = sseMiddleware({
  topics: [],
  cors: true,
  onConnect(session) {
    setTimeout(() => session.send({ a: 4 }, { event: 'testEvent', id: '123', retry: 30000 }), 1000);
    setTimeout(() => session.send('this is SimpleEvent'), 2000);
  },
});
const files = { '/index.html': ['text/html', './index.html'], '/sse.js': ['text/javascript', 'sse.js'] };

http.createServer((req, res) => {
  if (!files[req.url]) return stream(req, res);
  const [type, file] = files[req.url];
  res.setHeader('Content-Type', type);
  createReadStream(new URL(import.meta.resolve(file))).pipe(res);
}).listen(process.env.PORT ?? 3000);
