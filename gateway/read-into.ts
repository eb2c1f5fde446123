import { Socket } from 'node:net'

/** A piece of what a socket receives: it stands in `readBuffer`, up to `length`, during the call. @returns false to stop */
export type OnRead<Read extends Socket = Socket> = (this: Read, length: number) => boolean

const BUFFER_BYTES = 65_536

/** All sockets are read into it, one read at a time: so it stays in the processor's caches. */
export const readBuffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)

/**
 * Where a socket keeps its `onread` option: Node takes that of sockets that connect, and not of those that a server
 * accepts, though all read in one way. Found by making one, by the values that were put in.
 */
type Slots = { buffer: symbol; callback: symbol }
type Opened = Record<symbol, unknown> & { _handle?: { useUserBuffer?(buffer: Uint8Array): void } | null }

/** Null where they were not found; undefined until they are looked for. */
let slots: Slots | null | undefined

/**
 * Reads an accepted socket into `readBuffer`, instead of 64 KB of its own and the machinery of streams at each read.
 * `pause`, `resume` and `end` are as ever. Asked for again, there is another listener.
 * @returns false where this Node has no place for it: then there are `data` events
 */
export function readInto<Read extends Socket>(socket: Read, onRead: OnRead<Read>): boolean {
  const opened = socket as unknown as Opened
  if (slots === undefined) slots = findSlots()
  if (slots === null || typeof opened._handle?.useUserBuffer !== 'function') return false
  opened[slots.callback] = onRead
  if (opened[slots.buffer] === readBuffer) return true
  opened[slots.buffer] = readBuffer
  opened._handle.useUserBuffer(readBuffer)
  return true
}

/** From now on there are `data` events again. */
export function readByStream(socket: Socket): void {
  if (slots) (socket as unknown as Opened)[slots.callback] = pushOn
}

function pushOn(this: Socket, length: number): boolean {
  return this.push(Buffer.from(readBuffer.subarray(0, length)))
}

function findSlots(): Slots | null {
  const callback = (): boolean => true
  const probe = new Socket({ onread: { buffer: readBuffer, callback } })
  const opened = probe as unknown as Opened
  const slotOf = (value: unknown) =>
    Object.getOwnPropertySymbols(probe).find((symbol) => opened[symbol] === value)
  const found = { buffer: slotOf(readBuffer), callback: slotOf(callback) }
  return found.buffer === undefined || found.callback === undefined ? null : (found as Slots)
}
