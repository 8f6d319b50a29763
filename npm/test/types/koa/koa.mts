// Compiled, not run: a consumer with Koa.
import Koa from 'koa'
import { createHub, type MiddlewareOptions, sseMiddleware } from 'ssecast'

const options: MiddlewareOptions<Koa.Context> = {
  topics: context => [`user-${context.query['user']}`],
  authorize: async context => context.get('authorization') === 'yes'
}
new Koa().use(sseMiddleware()).use(sseMiddleware(createHub(), options))
