import { ByteStore, maskByte } from './byte-store.ts'
import { FrameHeader } from './frame-header.ts'
import { BINARY } from './frames.ts'
import { PacketGrammar } from './packet-grammar.ts'

export type ScannerSink = {
  /**
   * Bytes that may go to the core as they are, from `start` to `end`, valid during the call. Whole headers only, never a
   * part of one.
   */
  pass(bytes: Buffer, start: number, end: number): void
  /** A message that must be exchanged; false = nothing may follow it until `resume`. */
  packet(payload: Buffer): boolean
  /** The client broke the protocol; nothing follows. */
  violate(code: 1002 | 1008 | 1009): void
}

export type ScannerLimits = {
  maxMessageBytes: number
  /** Of a message that is held back to be exchanged. */
  maxHeldBytes: number
}

/** A message that cannot be judged after so many fragments is an attack: the grammar decides in fewer bytes. */
const MAX_UNJUDGED_FRAMES = 128

const NOTHING = Buffer.alloc(0)

/** Where the bytes of a frame go. */
type Way = 'pass' | 'hold' | 'drop'

/**
 * Follows the frames of the client → core direction. Its output does not depend on how the bytes are cut into
 * chunks. What passes is told of by its place in the chunks; only the first bytes of a text message are unmasked, and
 * only a message held back is copied.
 */
export class FrameScanner {
  readonly #sink: ScannerSink
  readonly #limits: ScannerLimits
  readonly #header = new FrameHeader()
  readonly #grammar = new PacketGrammar()
  /** Bytes of a header whose rest has not arrived. */
  #partial: ByteStore | undefined
  /** Payload bytes of the current frame still to come, and the place of the next one. */
  #left = 0
  #offset = 0
  #inPayload = false
  /** The message in progress: `hold` while it is judged, `drop` while it is collected. */
  #message: Way | undefined
  #messageBytes = 0
  #frames = 0
  /** The way of the current frame: its message's, or `pass` for a control frame. */
  #way: Way = 'pass'
  /** Raw frames of a message being judged, as far as earlier runs brought them. */
  #held: ByteStore | undefined
  /** Unmasked payload of a message being judged or collected. */
  #payload: ByteStore | undefined
  #stopped = false
  #rest: Buffer | undefined

  constructor(sink: ScannerSink, limits: ScannerLimits) {
    this.#sink = sink
    this.#limits = limits
  }

  resume(): void {
    const rest = this.#rest
    this.#stopped = false
    this.#rest = undefined
    if (rest !== undefined) this.push(rest)
  }

  /** @param chunk looked at during the call only, its first `length` bytes */
  push(chunk: Buffer, length = chunk.length): void {
    if (this.#stopped) {
      this.#rest = Buffer.concat([this.#rest ?? NOTHING, chunk.subarray(0, length)])
      return
    }
    /** First byte of the run that goes one way and has not gone yet; first byte of the current frame. */
    let run = 0
    let frame = 0
    let i = 0
    while (i < length) {
      if (!this.#inPayload) {
        if (this.#header.fresh) frame = i
        const whole = this.#header.read(chunk[i++]!)
        if (whole === false) continue
        const code = whole === undefined ? 1002 : this.#enterFrame()
        const way = this.#header.opcode > 7 ? 'pass' : this.#message!
        if (code !== undefined || way !== this.#way || this.#partial !== undefined) {
          this.#emit(chunk, run, frame)
          if (code !== undefined) {
            this.#fail(code)
            return
          }
          this.#way = way
          this.#emitPartial()
          run = frame
        }
      } else {
        const end = Math.min(length, i + this.#left)
        if (this.#way !== 'pass') {
          const code = this.#takePayload(chunk, i, end)
          if (code !== undefined) {
            this.#fail(code)
            return
          }
        }
        this.#left -= end - i
        this.#offset += end - i
        i = end
      }
      if (this.#left > 0) continue
      this.#inPayload = false
      if (this.#header.opcode > 7 || !this.#header.final) continue
      const code = this.#endMessage()
      if (code !== undefined) {
        this.#fail(code)
        return
      }
      if (this.#way === 'drop') {
        const payload = this.#payload!.bytes()
        this.#payload = undefined
        run = i
        if (!this.#sink.packet(payload)) {
          this.#stopped = true
          if (i < length) this.#rest = Buffer.from(chunk.subarray(i, length))
          return
        }
      }
    }
    const cut = this.#inPayload || this.#header.fresh ? length : frame
    this.#emit(chunk, run, cut)
    if (cut < length) {
      this.#partial ??= new ByteStore()
      this.#partial.append(chunk.subarray(cut, length))
    }
  }

  /** The header is whole: may this frame stand here? */
  #enterFrame(): 1002 | 1008 | 1009 | undefined {
    const { masked, opcode, length } = this.#header
    if (!masked) return 1002
    this.#inPayload = true
    this.#left = length
    this.#offset = 0
    if (opcode > 7) return undefined
    if ((opcode === 0) === (this.#message === undefined)) return 1002
    if (opcode !== 0) {
      this.#message = opcode === BINARY ? 'pass' : 'hold'
      this.#messageBytes = 0
      this.#frames = 0
      this.#grammar.reset()
    }
    this.#messageBytes += length
    if (this.#messageBytes > this.#limits.maxMessageBytes) return 1009
    if (this.#message === 'drop' && this.#messageBytes > this.#limits.maxHeldBytes) return 1009
    if (this.#message === 'hold' && ++this.#frames > MAX_UNJUDGED_FRAMES) return 1008
    return undefined
  }

  #takePayload(chunk: Buffer, start: number, end: number): 1008 | 1009 | undefined {
    const { mask } = this.#header
    const offset = this.#offset - start
    if (this.#message === 'hold') {
      let verdict = 'undecided'
      for (let i = start; i < end && verdict === 'undecided'; i++)
        verdict = this.#grammar.step(chunk[i]! ^ maskByte(mask, offset + i))
      if (verdict === 'pass') return this.#release()
      if (verdict === 'refuse') return 1008
      if (verdict !== 'undecided') {
        if (this.#messageBytes > this.#limits.maxHeldBytes) return 1009
        this.#message = 'drop'
        this.#way = 'drop'
        this.#held = undefined
      }
    }
    this.#payload ??= new ByteStore()
    this.#payload.appendUnmasked(chunk, start, end, mask, this.#offset)
    return undefined
  }

  #endMessage(): 1008 | undefined {
    const judging = this.#message === 'hold'
    if (judging && this.#grammar.end() === 'refuse') return 1008
    if (judging) this.#release()
    this.#message = undefined
    return undefined
  }

  /** The message being judged may pass, what earlier chunks brought of it first. */
  #release(): undefined {
    if (this.#held !== undefined) this.#passAll(this.#held.bytes())
    this.#held = undefined
    this.#payload = undefined
    this.#message = 'pass'
    this.#way = 'pass'
  }

  #emit(chunk: Buffer, from: number, to: number): void {
    if (from === to || this.#way === 'drop') return
    if (this.#way === 'pass') this.#sink.pass(chunk, from, to)
    else this.#hold(chunk.subarray(from, to))
  }

  #emitPartial(): void {
    const bytes = this.#partial?.bytes()
    this.#partial = undefined
    if (bytes === undefined || this.#way === 'drop') return
    if (this.#way === 'pass') this.#passAll(bytes)
    else this.#hold(bytes)
  }

  #passAll(bytes: Buffer): void {
    this.#sink.pass(bytes, 0, bytes.length)
  }

  #hold(bytes: Buffer): void {
    this.#held ??= new ByteStore()
    this.#held.append(bytes)
  }

  /** Nothing is read after a violation. */
  #fail(code: 1002 | 1008 | 1009): void {
    this.#stopped = true
    this.#rest = undefined
    this.#sink.violate(code)
  }
}
