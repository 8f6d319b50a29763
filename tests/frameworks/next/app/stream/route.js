import { getHub, sse } from 'ssecast/next'

const hub = getHub({ retryMs: 20 })
export const GET = sse(hub, { topics: request => [new URL(request.url).searchParams.get('topic') ?? 't'] })
export const POST = GET
