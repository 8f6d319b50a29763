import { createReadStream } from 'node:fs';
import http from 'node:http';
import { sseMiddleware } from 'ssecast';

const answer = sseMiddleware({
  async onConnect(session) {
    let question = '';
    for await (const chunk of session.request) question += chunk;
    const words = `${session.request.headers.authorization} asked: ${JSON.parse(question).question}`.split(' ');
    await session.pipe(words, { event: 'word' });
    session.finish();
  },
});
const client = new URL('.', import.meta.resolve('ssecast/parser'));

http.createServer((req, res) => {
  if (req.url === '/answer') return answer(req, res);
  const isScript = /^\/dist\/esm\/[\w/-]+\.js$/.test(req.url);
  res.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
  createReadStream(isScript ? new URL(`.${req.url}`, client) : new URL('./index.html', import.meta.url))
    .on('error', () => res.destroy())
    .pipe(res);
}).listen(process.env.PORT ?? 3000);
