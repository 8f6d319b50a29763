import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { NativeHub } from '../native.cjs'
import { addon } from './addon.js'
import { SsecastError } from './error.js'
import type { NodeExchange } from './exchange.js'

/** A connection that an engine thread can write to. */
export interface Plain {
  response: ServerResponse
  socket: Socket & Timed
  descriptor: number
  /** The framing that the response's head has announced. */
  chunked: boolean
  /** Whether Node holds no byte that has still to be written. */
  isFlushed(): boolean
}

/** Undocumented, but in every version of Node since 12. */
interface Handle {
  fd?: number
  writeQueueSize?: number
}

/** A runtime whose sockets have descriptors. */
const HAS_DESCRIPTORS = !process.versions.bun && !process.versions.deno

function handleOf(socket: object): Handle | undefined {
  const handle = (socket as { _handle?: Handle | null })._handle
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle : undefined
}

/** Node calls this when a socket was idle for the time of its `setTimeout`. */
interface Timed {
  _onTimeout?: () => void
}

/** Code that replaced one of these methods wants to see or change the bytes. */
const WRITES = {
  response: ['write', 'end', '_send', '_writeRaw'],
  socket: ['write', 'end', '_write', '_writev', '_writeGeneric', '_final'],
}

/**
 * The connection of a response, if nothing stands between the response's body and the socket: no TLS, no HTTP/2, no
 * compression, nothing that wraps how response or socket write, and a runtime whose sockets have descriptors.
 */
export function socketOf({ request, response }: NodeExchange): Plain | undefined {
  if (!HAS_DESCRIPTORS) return
  if (!(response instanceof ServerResponse) || response.hasHeader('Content-Encoding')) return
  if (!isUntouched(response, ServerResponse.prototype, WRITES.response)) return
  const { socket } = response
  if (!(socket instanceof Socket) || socket !== request.socket || 'encrypted' in socket) return
  if (!isUntouched(socket, Socket.prototype, WRITES.socket)) return
  const handle = handleOf(socket)
  if (!handle) return
  const descriptor = handle.fd!
  const isFlushed = () =>
    handle.fd === descriptor &&
    !response.writableEnded &&
    response.writableLength === 0 &&
    socket.writableLength === 0 &&
    !handle.writeQueueSize
  return { response, socket, descriptor, chunked: response.chunkedEncoding, isFlushed }
}

function isUntouched(object: object, prototype: object, methods: string[]): boolean {
  const methodOf = (of: object, name: string) => (of as Record<string, unknown>)[name]
  return methods.every(name => methodOf(object, name) === methodOf(prototype, name))
}

/** The handles whose peers have a limit by now. Requests of HTTP/2, or pipelined ones, share a connection. */
const limited = new WeakSet<Handle>()

/**
 * Has the system give up a peer that does not answer, by the hub's `slowClient`. Without this a client whose network
 * vanished stays for a quarter of an hour. Returns a function that sets the connection's options back.
 */
export function limitPeer(hub: NativeHub, socket: object): (() => void) | undefined {
  const handle = HAS_DESCRIPTORS ? handleOf(socket) : undefined
  const { NativePeerTimeout } = addon()
  if (!handle || !NativePeerTimeout || limited.has(handle)) return
  limited.add(handle)
  const timeout = new NativePeerTimeout(hub, handle.fd!)
  return () => {
    limited.delete(handle)
    if (handle.fd! >= 0) timeout.restore(handle.fd!)
  }
}

/**
 * Makes writing by hand an error: the bytes would end up inside of a frame. Node's timer of idle sockets does not see
 * what an engine thread writes; `writes` tells how often it did.
 */
export function guard({ response, socket }: Plain, writes?: () => number): void {
  const refuse = (): never => {
    throw new SsecastError('SSECAST_ATTACHED', 'response', 'is written by ssecast; use the session to send and to close')
  }
  Object.assign(response, { write: refuse, end: refuse })
  const { _onTimeout: onTimeout } = socket
  if (!writes || !onTimeout) return
  let before = writes()
  const restart = () => Socket.prototype.setTimeout.call(socket, socket.timeout ?? 0)
  socket._onTimeout = () => {
    const now = writes()
    if (now === before) return onTimeout.call(socket)
    before = now
    restart()
  }
  // A timer that runs already would call Node's own function.
  if (socket.timeout) restart()
}

/** Gives the response and its socket back. */
export function unguard(exchange: NodeExchange): void {
  const response = exchange.response as Partial<ServerResponse>
  delete response.write
  delete response.end
  delete (exchange.request.socket as Timed)._onTimeout
}
