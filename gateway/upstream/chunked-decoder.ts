import { ResponseSyntaxError } from './failure.ts'

/** 13 hexadecimal digits are the most that a safe integer always holds. */
const MAX_SIZE_DIGITS = 13
const MAX_EXTENSION_BYTES = 1_024
const MAX_TRAILER_BYTES = 8_192

const CR = 13
const LF = 10
const COLON = 58
const SEMICOLON = 59

type State =
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'bytes'
  | 'bytes-cr'
  | 'bytes-lf'
  | 'trailer-start'
  | 'trailer'
  | 'trailer-lf'
  | 'last-lf'
  | 'done'

/**
 * Decodes one chunked body (RFC 9112 §7.1) from pieces cut anywhere. Sizes are digits and nothing else, lines
 * end in CRLF and nothing else; extensions and trailers are dropped, and bounded.
 */
export class ChunkedDecoder {
  #state: State = 'size'
  #size = 0
  #digits = 0
  #extensionBytes = 0
  #trailerBytes = 0
  #hasColon = false

  get done(): boolean {
    return this.#state === 'done'
  }

  /**
   * @param onBytes gets views of `buffer`
   * @returns where in `buffer` the body ended, or `end`
   * @throws ResponseSyntaxError
   */
  read(buffer: Buffer, start: number, end: number, onBytes: (bytes: Buffer) => void): number {
    let at = start
    while (at < end && this.#state !== 'done') {
      if (this.#state === 'bytes') {
        const until = Math.min(end, at + this.#size)
        this.#size -= until - at
        if (this.#size === 0) this.#state = 'bytes-cr'
        onBytes(buffer.subarray(at, until))
        at = until
      } else {
        this.#step(buffer[at]!)
        at++
      }
    }
    return at
  }

  /** One byte of what surrounds the bytes proper. */
  #step(byte: number): void {
    switch (this.#state) {
      case 'size':
        this.#readSize(byte)
        break
      case 'extension':
        if (byte === CR) this.#state = 'size-lf'
        else if (isControl(byte) || ++this.#extensionBytes > MAX_EXTENSION_BYTES)
          throw new ResponseSyntaxError('chunk extension')
        break
      case 'size-lf':
        expect(byte, LF, 'chunk size')
        this.#state = this.#size === 0 ? 'trailer-start' : 'bytes'
        break
      case 'bytes-cr':
        expect(byte, CR, 'chunk end')
        this.#state = 'bytes-lf'
        break
      case 'bytes-lf':
        expect(byte, LF, 'chunk end')
        this.#state = 'size'
        this.#digits = 0
        this.#extensionBytes = 0
        break
      case 'trailer-start':
        if (byte === CR) this.#state = 'last-lf'
        else {
          if (byte === COLON || byte === 32 || isControl(byte) || byte === 9)
            throw new ResponseSyntaxError('trailer')
          this.#hasColon = false
          this.#state = 'trailer'
          this.#countTrailer()
        }
        break
      case 'trailer':
        if (byte === CR && this.#hasColon) this.#state = 'trailer-lf'
        else if (isControl(byte)) throw new ResponseSyntaxError('trailer')
        else if (byte === COLON) this.#hasColon = true
        this.#countTrailer()
        break
      case 'trailer-lf':
        expect(byte, LF, 'trailer')
        this.#state = 'trailer-start'
        break
      case 'last-lf':
        expect(byte, LF, 'last chunk')
        this.#state = 'done'
        break
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte)
    if (digit !== -1) {
      if (this.#digits++ === 0) this.#size = 0
      if (this.#digits > MAX_SIZE_DIGITS) throw new ResponseSyntaxError('chunk size')
      this.#size = this.#size * 16 + digit
    } else if (this.#digits > 0 && byte === CR) this.#state = 'size-lf'
    else if (this.#digits > 0 && byte === SEMICOLON) this.#state = 'extension'
    else throw new ResponseSyntaxError('chunk size')
  }

  #countTrailer(): void {
    if (++this.#trailerBytes > MAX_TRAILER_BYTES) throw new ResponseSyntaxError('trailers too large')
  }
}

function expect(byte: number, expected: number, where: string): void {
  if (byte !== expected) throw new ResponseSyntaxError(where)
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

const isControl = (byte: number): boolean => (byte < 32 && byte !== 9) || byte === 127
