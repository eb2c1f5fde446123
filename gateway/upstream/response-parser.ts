import { LineMemory } from '../headers/field-lines.ts'
import { ChunkedDecoder } from './chunked-decoder.ts'
import { ResponseSyntaxError } from './failure.ts'
import { responseLines } from './response-fields.ts'
import { parseResponseHead, type ResponseHead } from './response-head.ts'

/** Hears of one response. All buffers are views, valid during the call only. */
export type ResponseSink = {
  /**
   * `body` is given where the response is complete with it, and nothing follows: a text (latin-1: a character a byte)
   * where it is small, empty where there is none.
   */
  onHead(head: ResponseHead, body: WholeBody | undefined): void
  onBody(bytes: Buffer): void
  onEnd(): void
}

export type WholeBody = string | Buffer

const MAX_HEAD_BYTES = 65_536
/** A text leaves with its head in one write; a buffer would be another. */
const MAX_TEXT_BYTES = 16_384
const MAX_INTERIM_RESPONSES = 8
const END_OF_HEAD = '\r\n\r\n'
const NOTHING = Buffer.alloc(0)
const CR = 13
const LF = 10

/**
 * Parses one response after another from the bytes of one connection, cut anywhere. The usual response, head
 * and body in one piece, costs one search, one decoding and one call to the sink.
 */
export class ResponseParser {
  readonly #sink: ResponseSink
  readonly #memory = new LineMemory(responseLines)
  #toHead = false
  #interim = 0
  #head: ResponseHead | undefined
  #done = true
  #remaining = 0
  #chunked: ChunkedDecoder | undefined
  /** The part of a head that has come so far, where it did not come at once. */
  #held = NOTHING
  #heldBytes = 0

  constructor(sink: ResponseSink) {
    this.#sink = sink
  }

  /** @param toHead the request's method is HEAD, whose answer has no body whatever its fields say */
  begin(toHead: boolean): void {
    this.#toHead = toHead
    this.#interim = 0
    this.#head = undefined
    this.#done = false
    this.#heldBytes = 0
  }

  get done(): boolean {
    return this.#done
  }

  /** The final response's head, once it has come. */
  get head(): ResponseHead | undefined {
    return this.#head
  }

  /** How much of the body is still to come, where that is known. */
  get remainingBytes(): number {
    return this.#head?.framing === 'fixed' ? this.#remaining : Number.POSITIVE_INFINITY
  }

  /**
   * Reads what was received, its first `length` bytes; a text is latin-1, a character a byte.
   * @returns where the response ended, or `length`; `done` tells which
   * @throws ResponseSyntaxError
   */
  read(received: Buffer | string, length: number): number {
    if (typeof received === 'string' && this.#readWhole(received)) return length
    const buffer = typeof received === 'string' ? Buffer.from(received, 'latin1') : received
    let at = 0
    while (at < length && !this.#done)
      at = this.#head === undefined ? this.#readHead(buffer, at, length) : this.#readBody(buffer, at, length)
    return at
  }

  /** The usual response: it comes at once, and nothing follows. @returns false, having taken nothing, where it is another */
  #readWhole(text: string): boolean {
    if (this.#done || this.#head !== undefined || this.#heldBytes > 0) return false
    const end = text.indexOf(END_OF_HEAD)
    if (end === -1) return false
    const head = parseResponseHead(text.slice(0, end), this.#toHead, this.#memory)
    const body = text.slice(end + 4)
    const isWhole =
      head.framing === 'none' ? body === '' : head.framing === 'fixed' && body.length === head.contentLength
    if (!isWhole || head.status < 200 || body.length > MAX_TEXT_BYTES) return false
    this.#head = head
    this.#takeWhole(head, body, 0)
    return true
  }

  /** The stream ended. Whether that completes the response. */
  finish(): boolean {
    if (this.#done || this.#head?.framing !== 'until-close') return false
    this.#end()
    return true
  }

  #readHead(buffer: Buffer, start: number, end: number): number {
    if (this.#heldBytes > 0) return this.#holdHead(buffer, start, end)
    // Searches beyond `end`, too, where old bytes are: what it finds there does not count.
    const found = buffer.indexOf(END_OF_HEAD, start, 'latin1')
    if (found === -1 || found + 4 > end) return this.#holdHead(buffer, start, end)
    if (found + 4 - start > MAX_HEAD_BYTES) throw new ResponseSyntaxError('head too large')
    return this.#takeHead(buffer.toString('latin1', start, found), buffer, found + 4, end)
  }

  /** The slow way: the head comes in pieces and is gathered. */
  #holdHead(buffer: Buffer, start: number, end: number): number {
    const before = this.#heldBytes
    this.#hold(buffer.subarray(start, Math.min(end, start + MAX_HEAD_BYTES - before)))
    const held = this.#held.subarray(0, this.#heldBytes)
    const found = held.indexOf(END_OF_HEAD, Math.max(0, before - 3), 'latin1')
    if (found === -1) {
      checkBeginning(held, before)
      if (this.#heldBytes === MAX_HEAD_BYTES) throw new ResponseSyntaxError('head too large')
      return end
    }
    this.#heldBytes = 0
    return this.#takeHead(held.toString('latin1', 0, found), buffer, start + found + 4 - before, end)
  }

  #hold(bytes: Buffer): void {
    const needed = this.#heldBytes + bytes.length
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(1_024, needed * 2))
      this.#held.copy(grown, 0, 0, this.#heldBytes)
      this.#held = grown
    }
    bytes.copy(this.#held, this.#heldBytes)
    this.#heldBytes = needed
  }

  #takeHead(text: string, buffer: Buffer, bodyAt: number, end: number): number {
    const head = parseResponseHead(text, this.#toHead, this.#memory)
    if (head.status < 200) {
      // 101 answers an upgrade, and none is asked for here.
      if (head.status === 101 || ++this.#interim > MAX_INTERIM_RESPONSES)
        throw new ResponseSyntaxError('interim response')
      return bodyAt
    }
    this.#held = NOTHING
    this.#head = head
    if (head.framing === 'none') return this.#takeWhole(head, '', bodyAt)
    if (head.framing === 'fixed') {
      const length = head.contentLength ?? 0
      if (length <= end - bodyAt)
        return this.#takeWhole(head, bodyIn(buffer, bodyAt, bodyAt + length), bodyAt + length)
      this.#remaining = length
    }
    if (head.framing === 'chunked') this.#chunked = new ChunkedDecoder()
    this.#sink.onHead(head, undefined)
    return bodyAt
  }

  #takeWhole(head: ResponseHead, body: WholeBody, endsAt: number): number {
    this.#done = true
    this.#remaining = 0
    this.#sink.onHead(head, body)
    return endsAt
  }

  #readBody(buffer: Buffer, start: number, end: number): number {
    if (this.#chunked !== undefined) {
      const at = this.#chunked.read(buffer, start, end, (bytes) => this.#sink.onBody(bytes))
      if (this.#chunked.done) this.#end()
      return at
    }
    if (this.#head?.framing === 'until-close') {
      this.#sink.onBody(buffer.subarray(start, end))
      return end
    }
    const until = Math.min(end, start + this.#remaining)
    this.#remaining -= until - start
    this.#sink.onBody(buffer.subarray(start, until))
    if (this.#remaining === 0) this.#end()
    return until
  }

  #end(): void {
    this.#done = true
    this.#chunked = undefined
    this.#sink.onEnd()
  }
}

const bodyIn = (buffer: Buffer, start: number, end: number): WholeBody =>
  end - start <= MAX_TEXT_BYTES ? buffer.toString('latin1', start, end) : buffer.subarray(start, end)

/** Tells at once, without waiting for a head that will never end, what is not HTTP or ends its lines in LF. */
function checkBeginning(held: Buffer, from: number): void {
  const beginning = held.toString('latin1', 0, 7)
  if (!'HTTP/1.'.startsWith(beginning)) throw new ResponseSyntaxError('status line')
  for (let at = held.indexOf(LF, from); at !== -1; at = held.indexOf(LF, at + 1))
    if (held[at - 1] !== CR) throw new ResponseSyntaxError('line end')
}
