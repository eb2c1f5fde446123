import type { Socket } from 'node:net'
import { handleOf, socketInternals } from './node-socket.ts'

/** A piece of what a socket receives: it stands in the buffer, up to `length`, during the call. @returns false to stop */
export type OnRead = (this: Socket, length: number, buffer: Buffer) => boolean

const BUFFER_BYTES = 65_536

/** All sockets are read into it, one read at a time: so it stays in the processor's caches. */
export const readBuffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)

/**
 * Reads a socket that is connected into `readBuffer`, by a plain call for each read, instead of 64 KB of its own and
 * the machinery of streams. `pause`, `resume` and `end` are as ever. Asked for again, there is another listener.
 * @param next the buffer of the next read, where it is not always `readBuffer`
 * @returns false where this Node has no place for it: then things are as they were
 */
export function readInto(socket: Socket, onRead: OnRead, next?: () => Buffer): boolean {
  const internals = socketInternals()
  const handle = handleOf(socket)
  if (internals === null || handle === undefined) return false
  const slots = socket as unknown as Record<symbol, unknown>
  // By this Node knows that it has to stop the handle for `pause`.
  if (slots[internals.buffer] !== readBuffer) {
    slots[internals.buffer] = readBuffer
    handle.useUserBuffer(readBuffer)
  }
  let bytesRead = handle.bytesRead
  let current: Buffer = readBuffer
  handle.onread = function (rest) {
    const before = bytesRead
    bytesRead = this.bytesRead
    // An end or an error is Node's to tell.
    if (bytesRead === before) return internals.onread.call(this, rest)
    if (!onRead.call(socket, bytesRead - before, current)) socket.pause()
    if (next === undefined) return undefined
    const following = next()
    if (following === current) return undefined
    current = following
    return following
  }
  return true
}

/** From now on there are `data` events again. */
export function readByStream(socket: Socket): void {
  const internals = socketInternals()
  const handle = handleOf(socket)
  if (internals === null || handle === undefined) return
  handle.onread = internals.onread
  const slots = socket as unknown as Record<symbol, unknown>
  if (slots[internals.buffer] === readBuffer) slots[internals.callback] = pushOn
}

function pushOn(this: Socket, length: number): boolean {
  return this.push(Buffer.from(readBuffer.subarray(0, length)))
}
