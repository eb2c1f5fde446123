import { performance } from 'node:perf_hooks'
import type { TextWriter } from './text-writer.ts'

/**
 * Work in batches: what one look at the sockets finds is read from all of them first, then worked on piece by piece,
 * and then all that was written leaves. The same code runs again and again with its own data still in the processor's
 * caches, instead of taking turns with the kernel's; under load that is a quarter of a request's cost
 * (docs/performance.md). What comes after a lull waits for nothing: it is worked on as soon as it is read.
 */
export type BatchWork = {
  /** Its turn; once for each time that it was added. */
  proceed(): void
}

type Writer = Pick<TextWriter, 'write'>

/** In a batch of fewer what is written leaves at once: it is worth more to be early. */
const MIN_HELD = 4
/** Nothing was worked on for so long: more than it takes from one socket's bytes to the next one's. */
const LULL_MS = 0.025

let waiting: BatchWork[] = []
let held: { writer: Writer; text: string }[] = []
let isHolding = false
/** Undefined outside of batches. */
let batchMs: number | undefined
/** Since the epoch; undefined until it is asked for in a batch. */
let batchEpochMs: number | undefined
let endedMs = Number.NEGATIVE_INFINITY
const settled = Promise.resolve()

/** As `performance.now()`, which never steps; during a batch it stands still, and costs nothing. */
export const steadyNow = (): number => batchMs ?? performance.now()

/** As `Date.now()`; during a batch it stands still. */
export function epochNow(): number {
  if (batchMs === undefined) return Date.now()
  batchEpochMs ??= Date.now()
  return batchEpochMs
}

/**
 * Within the current turn of the event loop; after a lull, before another socket is looked at.
 * @param waits for all sockets in any case, because what comes from them may change what is to be done
 */
export function addToBatch(work: BatchWork, waits = false): void {
  if (waiting.push(work) > 1) return
  if (!waits && performance.now() - endedMs > LULL_MS) void settled.then(runBatch)
  else setImmediate(runBatch)
}

/**
 * Writes a text (latin-1: a character a byte): in a large batch at its end, otherwise at once. So nothing else may be
 * written to the socket, nor may it be ended, before the batch is over.
 */
export function writeWithBatch(writer: Writer, text: string): void {
  if (isHolding) held.push({ writer, text })
  else writer.write(text)
}

function runBatch(): void {
  const batch = waiting
  waiting = []
  isHolding = batch.length >= MIN_HELD
  batchMs = performance.now()
  for (const work of batch) work.proceed()
  batchMs = undefined
  batchEpochMs = undefined
  if (isHolding) writeHeld()
  endedMs = performance.now()
}

function writeHeld(): void {
  isHolding = false
  const writes = held
  held = []
  for (const { writer, text } of writes) writer.write(text)
}
