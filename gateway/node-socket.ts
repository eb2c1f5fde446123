import { Socket } from 'node:net'

/** What Node's sockets read and write by. All of it is Node's own, and may be missing in another Node. */
export type SocketHandle = {
  /** Bytes that were read so far. */
  readonly bytesRead: number
  /** Bytes that were written, and that the kernel has not taken yet. */
  readonly writeQueueSize: number
  /** Called once for each read, and for the end and errors; what it returns is the buffer of the next read. */
  onread: OnHandleRead
  useUserBuffer(buffer: Uint8Array): void
  /** @returns 0, or the negative number of an error: then nothing was written */
  writeLatin1String(request: WriteRequest, text: string): number
}
export type OnHandleRead = (this: SocketHandle, rest: unknown) => Uint8Array | undefined
export type WriteRequest = { oncomplete?: (this: WriteRequest, status: number) => void }

type Internals = {
  /** Where a socket keeps its `onread` option. */
  readonly buffer: symbol
  readonly callback: symbol
  /** What it gives its handle to be called for each read. */
  readonly onread: OnHandleRead
  /** One is made for each write. */
  readonly WriteRequest: new () => WriteRequest
}

let internals: Internals | null | undefined

/** @returns null where this Node has something else */
export function socketInternals(): Internals | null {
  if (internals === undefined) internals = findInternals()
  return internals
}

export function handleOf(socket: Socket): SocketHandle | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: Partial<SocketHandle> | null }
  const isKnown =
    typeof handle?.bytesRead === 'number' &&
    typeof handle.writeQueueSize === 'number' &&
    typeof handle.onread === 'function' &&
    typeof handle.useUserBuffer === 'function' &&
    typeof handle.writeLatin1String === 'function'
  return isKnown ? (handle as SocketHandle) : undefined
}

/** By a socket whose handle only looks at what it is given. */
function findInternals(): Internals | null {
  let request: object | undefined
  const handle: Partial<SocketHandle> & { close(closed: () => void): void } = {
    useUserBuffer() {},
    writeLatin1String(given) {
      request = given
      return 0
    },
    close: (closed) => closed(),
  }
  const option = { buffer: Buffer.alloc(1), callback: () => true }
  const probe = new Socket({ handle, onread: option, readable: false, writable: true } as object)
  const slots = probe as unknown as Record<symbol, unknown>
  const slotOf = (value: unknown) =>
    Object.getOwnPropertySymbols(probe).find((symbol) => slots[symbol] === value)
  const buffer = slotOf(option.buffer)
  const callback = slotOf(option.callback)
  const { onread } = handle
  probe.on('error', () => undefined)
  probe.write('-', 'latin1')
  probe.destroy()
  const WriteRequest = request?.constructor as (new () => WriteRequest) | undefined
  if (buffer === undefined || callback === undefined || typeof onread !== 'function') return null
  if (WriteRequest === undefined || (WriteRequest as unknown) === Object) return null
  return { buffer, callback, onread, WriteRequest }
}
