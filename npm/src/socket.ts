import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { SsecastError } from './error.js'
import type { Request, Response } from './session.js'

/** A connection that an engine thread can write to. */
export interface Plain {
  response: ServerResponse
  socket: Socket
  descriptor: number
  /** The framing that the response's head has announced. */
  chunked: boolean
  /** Whether Node holds no byte that has still to be written. */
  isFlushed(): boolean
}

/** What Node does not document but every version since 12 has. */
interface Handle {
  fd?: number
  writeQueueSize?: number
}

/**
 * The connection of a response, if nothing stands between the response's body and the socket: no TLS, no HTTP/2, no
 * compression, no middleware that wraps `write` or `end`, and a runtime whose sockets have descriptors.
 */
export function socketOf(request: Request, response: Response): Plain | undefined {
  if (process.versions.bun || process.versions.deno) return
  if (!(response instanceof ServerResponse) || response.hasHeader('Content-Encoding')) return
  const { write, end } = ServerResponse.prototype
  if (response.write !== write || response.end !== end) return
  const { socket } = response
  if (!(socket instanceof Socket) || socket !== request.socket || 'encrypted' in socket) return
  const handle = (socket as unknown as { _handle?: Handle | null })._handle
  const descriptor = handle?.fd
  if (typeof descriptor !== 'number' || descriptor < 0) return
  const isFlushed = () =>
    handle?.fd === descriptor &&
    !response.writableEnded &&
    response.writableLength === 0 &&
    socket.writableLength === 0 &&
    !handle.writeQueueSize
  return { response, socket, descriptor, chunked: response.chunkedEncoding, isFlushed }
}

/** Makes writing by hand an error: the bytes would end up inside of a frame. */
export function guard(response: ServerResponse): void {
  const refuse = (): never => {
    throw new SsecastError('SSECAST_ATTACHED', 'response', 'is written by ssecast; use the session to send and to close')
  }
  Object.assign(response, { write: refuse, end: refuse })
}

/** Gives the response back. */
export function unguard(response: Partial<ServerResponse>): void {
  delete response.write
  delete response.end
}
