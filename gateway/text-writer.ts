import type { Socket } from 'node:net'
import { handleOf, type SocketHandle, socketInternals, type WriteRequest } from './node-socket.ts'

/** What the kernel takes whole leaves no trace on it, so that the next write may have it. */
let spare: WriteRequest | undefined

/**
 * Writes texts (latin-1: a character a byte) to a socket, past its stream wherever that has nothing of its own to
 * write. Nearly all texts the kernel takes whole and at once; a stream makes objects, callbacks and an entry in the queue
 * of ticks for each. Whatever a socket's owner relies on is as ever: the order, errors, `end`, `drain`. Of a socket with
 * TLS, and on a Node where the way is not found, it is the stream that writes.
 */
export class TextWriter {
  readonly #socket: Socket
  /** Null where the stream has to write; undefined until that is known. */
  #handle: SocketHandle | null | undefined
  /** The kernel has taken a part; the rest is on its way, ahead of whatever the stream writes. */
  #isLeaving = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** @returns false where the caller should wait for the socket's `drain` */
  write(text: string): boolean {
    if (this.#handle === undefined) this.#findHandle()
    const handle = this.#handle
    if (!handle || this.#isLeaving || this.#socket.writableLength > 0) return this.#writeByStream(text)
    const request = spare ?? new (socketInternals()!.WriteRequest)()
    spare = undefined
    const status = handle.writeLatin1String(request, text)
    if (status === 0 && handle.writeQueueSize > 0) {
      this.#isLeaving = true
      request.oncomplete = (error) => this.#left(error)
      return false
    }
    spare = request
    return status === 0 || this.#writeByStream(text)
  }

  /** Something waits for the kernel: `drain` will tell. */
  get needsDrain(): boolean {
    return this.#isLeaving || this.#socket.writableNeedDrain
  }

  /** What the kernel has not taken yet, at most. */
  get unsentBytes(): number {
    return this.#socket.writableLength + (this.#isLeaving ? this.#handle!.writeQueueSize : 0)
  }

  #left(status: number): void {
    this.#isLeaving = false
    if (status < 0) this.#socket.destroy()
    else if (!this.#socket.writableNeedDrain) this.#socket.emit('drain')
  }

  /** What the handle refused the stream is refused as well, and does what is to be done then. */
  #writeByStream(text: string): boolean {
    if (!this.#socket.writable) return true
    return this.#socket.write(text, 'latin1') && !this.#isLeaving
  }

  #findHandle(): void {
    if (this.#socket.connecting) return
    const mayUse = socketInternals() !== null && !('encrypted' in this.#socket)
    this.#handle = (mayUse && handleOf(this.#socket)) || null
  }
}
