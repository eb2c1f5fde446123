const FIRST_BYTES = 256

/** Bytes that grow by doubling: a message sent a byte at a time costs its length, not an object for every byte. */
export class ByteStore {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  length = 0

  append(bytes: Buffer): void {
    this.#reserve(bytes.length)
    bytes.copy(this.#buffer, this.length)
    this.length += bytes.length
  }

  /** `offset` is the place of the byte at `start` in its masked payload (RFC 6455 §5.3). */
  appendUnmasked(bytes: Buffer, start: number, end: number, mask: number, offset: number): void {
    this.#reserve(end - start)
    for (let i = start; i < end; i++)
      this.#buffer[this.length++] = bytes[i]! ^ maskByte(mask, offset + i - start)
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  #reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.length)
    this.#buffer = larger
  }
}

export const maskByte = (mask: number, at: number): number => (mask >>> (24 - 8 * (at & 3))) & 0xff
