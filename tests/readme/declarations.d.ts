// What the snippets of the documentation use and don't declare.
declare const hub: import('ssecast').Hub
declare const createHub: typeof import('ssecast').createHub
declare const sseMiddleware: typeof import('ssecast').sseMiddleware
declare const app: import('express').Express
declare const koa1: { use(middleware: unknown): void }
declare const source: EventSource
declare const session: import('express').RequestHandler
declare const question: string
declare function redeem(token: unknown): Promise<object | undefined>
declare function freshToken(): Promise<string>
declare namespace Express {
  interface Request {
    session: { user?: string }
  }
}
