import { getHub } from 'ssecast/next'

export const POST = async request => Response.json(getHub().publish('t', await request.text()))
export const GET = () => Response.json(getHub().stats())
