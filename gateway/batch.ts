import type { Writable } from 'node:stream'

/**
 * Work in batches: what one look at the sockets finds is read from all of them first, then worked on piece by piece,
 * and then all that was written leaves. The same code runs again and again with its own data still in the processor's
 * caches, instead of taking turns with the kernel's; under load that is a quarter of a request's cost
 * (docs/performance.md). Alone, a piece waits for nothing: its batch is itself.
 */
export type BatchWork = {
  /** Its turn; once for each time that it was added. */
  proceed(): void
}

/** In a batch of fewer what is written leaves at once: it is worth more to be early. */
const MIN_HELD = 4

let waiting: BatchWork[] = []
const held: { socket: Writable; text: string }[] = []
let isHolding = false
/** Undefined outside of batches. */
let batchMs: number | undefined

/** As `performance.now()`, which never steps; during a batch it stands still, and costs nothing. */
export const steadyNow = (): number => batchMs ?? performance.now()

/** Within the current turn of the event loop, before any socket is looked at again. */
export function addToBatch(work: BatchWork): void {
  if (waiting.length === 0) setImmediate(runBatch)
  waiting.push(work)
}

/**
 * Writes a text (latin-1: a character a byte): in a large batch at its end, otherwise at once. So nothing else may be
 * written to the socket, nor may it be ended, before the batch is over.
 */
export function writeWithBatch(socket: Writable, text: string): void {
  if (isHolding) held.push({ socket, text })
  else socket.write(text, 'latin1')
}

function runBatch(): void {
  const batch = waiting
  waiting = []
  isHolding = batch.length >= MIN_HELD
  batchMs = performance.now()
  for (const work of batch) work.proceed()
  isHolding = false
  batchMs = undefined
  for (const { socket, text } of held) if (socket.writable) socket.write(text, 'latin1')
  held.length = 0
}
