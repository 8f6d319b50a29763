import type { NextConfig } from 'next'
import { NextRequest } from 'next/server.js'
import type { Hub, StoredHub } from 'ssecast'
import { getHub, sse, withSsecast } from 'ssecast/next'

const hub: Hub = getHub({ retryMs: 1000 })
const stored = (): StoredHub => getHub({ store: 'file:./events' })
export const GET: (request: NextRequest) => Promise<Response> = sse(hub, { topics: (request: NextRequest) => [request.nextUrl.pathname] })
export const config: NextConfig = withSsecast({ poweredByHeader: false })
