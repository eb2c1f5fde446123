/**
 * One RFC 6455 frame header at a time, byte by byte, so that it does not matter where chunks are cut. Extensions
 * are removed at the handshake: a reserved bit is a violation in either direction.
 */
export class FrameHeader {
  final = false
  opcode = 0
  masked = false
  /** Length of the frame's payload. */
  length = 0
  /** The four mask bytes, the first one highest. */
  mask = 0
  #state = FIRST
  #need = 0

  /** No byte of the next header has been read. */
  get fresh(): boolean {
    return this.#state === FIRST
  }

  /** `true` when this byte completes the header, `false` when more are needed, `undefined` for a violation. */
  read(byte: number): boolean | undefined {
    switch (this.#state) {
      case FIRST:
        this.final = (byte & 0x80) !== 0
        this.opcode = byte & 0x0f
        this.length = 0
        this.mask = 0
        if ((byte & 0x70) !== 0 || !isKnown(this.opcode) || (this.opcode > 7 && !this.final)) return undefined
        this.#state = SECOND
        return false
      case SECOND:
        this.masked = (byte & 0x80) !== 0
        this.length = byte & 0x7f
        if (this.length < 126) return this.#lengthRead()
        if (this.opcode > 7) return undefined
        this.#need = this.length === 126 ? 2 : 8
        this.#state = this.length === 126 ? LENGTH_16 : LENGTH_64
        this.length = 0
        return false
      case LENGTH_16:
      case LENGTH_64:
        if (this.#need === 8 && byte > 0x7f) return undefined
        this.length = this.length * 256 + byte
        if (--this.#need > 0) return false
        // Only the shortest form of a length is valid (§5.2).
        if (this.length < (this.#state === LENGTH_16 ? 126 : 65_536)) return undefined
        return this.#lengthRead()
      default:
        this.mask = (this.mask << 8) | byte
        if (--this.#need > 0) return false
        this.#state = FIRST
        return true
    }
  }

  #lengthRead(): boolean {
    this.#need = 4
    this.#state = this.masked ? MASK : FIRST
    return !this.masked
  }
}

const FIRST = 0
const SECOND = 1
const LENGTH_16 = 2
const LENGTH_64 = 3
const MASK = 4

const isKnown = (opcode: number): boolean => opcode <= 2 || (opcode >= 8 && opcode <= 10)

/** Knows where frames end in a direction that is relayed raw, so that a frame of ours never lands inside another. */
export class FrameBoundary {
  #header = new FrameHeader()
  #left = 0
  /** The other side spoke something else than frames, or has sent its last one. */
  #over = false

  get open(): boolean {
    return !this.#over && this.#left === 0 && this.#header.fresh
  }

  /** @param chunk its first `length` bytes */
  follow(chunk: Buffer, length: number): void {
    let i = 0
    while (i < length && !this.#over) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, length - i)
        this.#left -= skipped
        i += skipped
        continue
      }
      const whole = this.#header.read(chunk[i++]!)
      if (whole === undefined) this.#over = true
      else if (whole) {
        this.#left = this.#header.length
        this.#over = this.#header.opcode === 8
      }
    }
  }
}
