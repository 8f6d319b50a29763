const fs = require('node:fs');
const koa = require('koa1'); // Koa 1 under another name: npm install koa1@npm:koa@1
const { createHub, sseMiddleware } = require('ssecast');

const app = koa();
const hub = createHub();
const stream = sseMiddleware.koa1(hub, { topics: ['time'] });

app.use(function* (next) {
  if (this.path === '/stream') return yield* stream.call(this, next);
  this.type = 'html';
  this.body = fs.createReadStream(`${__dirname}/index.html`);
});

setInterval(() => hub.publish('time', String(new Date())), 1000);

const server = app.listen(process.env.PORT ?? 9999, () => {
  console.log(`listening on port ${server.address().port}`);
});
