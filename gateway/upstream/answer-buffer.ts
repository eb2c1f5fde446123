import { readBuffer } from '../read-into.ts'

const OWN_BYTES = 65_536

/** Given away, and their bytes have left: for any connection. The collector would free them much later, and at a price. */
const spare: Buffer[] = []
const MAX_SPARE = 64

/**
 * Where a connection reads its answers: into the one buffer of all sockets, or, while a long answer comes, into one of
 * its own, in which what the client does not take at once may wait instead of being copied.
 */
export class AnswerBuffer {
  /** From the next read on. */
  isLong = false
  #own: Buffer | undefined
  #last: Buffer = readBuffer

  /** For the next read. */
  readonly next = (): Buffer => {
    if (!this.isLong) return readBuffer
    this.#own ??= spare.pop() ?? Buffer.allocUnsafeSlow(OWN_BYTES)
    return this.#own
  }

  /** The last read went into this: what `next` says now may already be another. */
  wasRead(buffer: Buffer): void {
    this.#last = buffer
  }

  /** Whether the bytes that were read last may be kept, by `give`. */
  get mayGive(): boolean {
    return this.#last === this.#own
  }

  /** They stay as they are: nothing is read into their buffer any more, until `reuseBuffer`. */
  give(): Buffer | undefined {
    const given = this.#own
    this.#own = undefined
    return given
  }
}

/** @param buffer of which nobody needs the bytes any more: the next long answer is read into it */
export function reuseBuffer(buffer: Buffer): void {
  if (spare.length < MAX_SPARE) spare.push(buffer)
}
