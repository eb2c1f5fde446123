/** Of less the collector hardly takes notice. */
const MIN_BYTES = 16_384

/**
 * Frees the memory of a chunk that nobody looks at any more, instead of leaving it to the collector: V8 counts what
 * lies outside of its heap, and goes through the whole heap for each 40 MB of it. A chunk that is a part of its memory
 * is left alone: others may be in the rest.
 */
export function freeMemory(chunk: Buffer): void {
  const memory = chunk.buffer
  if (chunk.length < MIN_BYTES || chunk.length !== memory.byteLength) return
  if (memory instanceof ArrayBuffer) memory.transfer(0)
}
