/**
 * Tells a Socket.IO packet that must be exchanged from one that may pass, by as few of its first characters as
 * possible. It is a state machine, so fragments and chunk cuts cannot change what it says.
 *
 * The core's decoder is lax where this is strict: it takes white space, `1e1` or `0x1` for a number and
 * `42/a/..,["auth"]` for the main namespace. Whatever is not exactly what shipped clients send is refused, so that
 * no spelling is read one way here and another way there.
 *
 *   packet      = message / anything that does not start with "4"
 *   message     = "4" ( "0" [ "{"… / "/"… ]            CONNECT: exchanged when it carries anything
 *                     / "1" [ "/"… ]                   DISCONNECT
 *                     / "2" [id] array                 EVENT
 *                     / "3" ( id "[" / "/" ) …         ACK
 *                     / "5" attachments "-" [id] array BINARY_EVENT, never an authentication
 *                     / "6" attachments "-" … )        BINARY_ACK
 *   array       = "[" *16ws ( name / number ) …
 *   name        = a JSON string: auth or auth2, in any escape, is an authentication
 */
export type Verdict = 'undecided' | 'pass' | 'connect' | 'authenticate' | 'refuse'

const MAX_ID_DIGITS = 20
const MAX_ATTACHMENT_DIGITS = 2
const MAX_WHITE_SPACE = 16

/** The longer of the two names; the shorter is its start. */
const NAME = 'auth2'
const SHORT_NAME_LENGTH = 4

const START = 0
const TYPE = 1
const CONNECT = 2
const DISCONNECT = 3
const EVENT_ID = 4
const ACK_ID = 5
const EVENT_ATTACHMENTS = 6
const ACK_ATTACHMENTS = 7
const ARRAY = 8
const IN_NAME = 9
const ESCAPE = 10
const HEX = 11

export class PacketGrammar {
  #phase = START
  #count = 0
  #matched = 0
  #code = 0
  #binary = false

  reset(): void {
    this.#phase = START
    this.#count = 0
    this.#matched = 0
    this.#binary = false
  }

  /** Takes the next byte (or UTF-16 unit: all that matters here is ASCII). */
  step(byte: number): Verdict {
    switch (this.#phase) {
      case START:
        return byte === 0x34 /* 4 */ ? this.#go(TYPE) : 'pass'
      case TYPE:
        return this.#type(byte)
      case CONNECT:
        return byte === 0x7b /* { */ || byte === 0x2f /* / */ ? 'connect' : 'refuse'
      case DISCONNECT:
        return byte === 0x2f ? 'pass' : 'refuse'
      case EVENT_ID:
        if (isDigit(byte)) return ++this.#count > MAX_ID_DIGITS ? 'refuse' : 'undecided'
        return byte === 0x5b /* [ */ ? this.#go(ARRAY) : 'refuse'
      case ACK_ID:
        if (isDigit(byte)) return ++this.#count > MAX_ID_DIGITS ? 'refuse' : 'undecided'
        if (byte === 0x2f && this.#count === 0) return 'pass'
        return byte === 0x5b && this.#count > 0 ? 'pass' : 'refuse'
      case EVENT_ATTACHMENTS:
      case ACK_ATTACHMENTS:
        if (isDigit(byte)) return ++this.#count > MAX_ATTACHMENT_DIGITS ? 'refuse' : 'undecided'
        if (byte !== 0x2d /* - */ || this.#count === 0) return 'refuse'
        return this.#phase === ACK_ATTACHMENTS ? 'pass' : this.#go(EVENT_ID)
      case ARRAY:
        if (byte === 0x22 /* " */) return this.#go(IN_NAME)
        if (isWhiteSpace(byte)) return ++this.#count > MAX_WHITE_SPACE ? 'refuse' : 'undecided'
        return isDigit(byte) || byte === 0x2d ? 'pass' : 'refuse'
      case IN_NAME:
        return this.#name(byte)
      case ESCAPE:
        return byte === 0x75 /* u */ ? this.#go(HEX) : 'pass'
      default:
        return this.#hex(byte)
    }
  }

  /** What the whole packet is when it ends here, still undecided. */
  end(): Verdict {
    // An empty text is no packet at all; the core closes on it.
    return this.#phase === START || this.#phase === CONNECT || this.#phase === DISCONNECT ? 'pass' : 'refuse'
  }

  #type(byte: number): Verdict {
    switch (byte) {
      case 0x30:
        return this.#go(CONNECT)
      case 0x31:
        return this.#go(DISCONNECT)
      case 0x32:
        return this.#go(EVENT_ID)
      case 0x33:
        return this.#go(ACK_ID)
      case 0x35:
        this.#binary = true
        return this.#go(EVENT_ATTACHMENTS)
      case 0x36:
        return this.#go(ACK_ATTACHMENTS)
      default:
        return 'refuse'
    }
  }

  #name(byte: number): Verdict {
    if (byte === NAME.charCodeAt(this.#matched)) {
      this.#matched++
      return 'undecided'
    }
    if (byte === 0x5c /* \ */) return this.#go(ESCAPE)
    if (byte !== 0x22 || this.#matched < SHORT_NAME_LENGTH) return 'pass'
    return this.#binary ? 'refuse' : 'authenticate'
  }

  #hex(byte: number): Verdict {
    const digit = hexDigit(byte)
    if (digit < 0) return 'refuse'
    this.#code = this.#code * 16 + digit
    if (++this.#count < 4) return 'undecided'
    if (this.#code !== NAME.charCodeAt(this.#matched)) return 'pass'
    this.#matched++
    return this.#go(IN_NAME)
  }

  #go(phase: number): Verdict {
    this.#phase = phase
    this.#count = 0
    this.#code = 0
    return 'undecided'
  }
}

/** The verdict on a whole packet. */
export function judgePacket(text: string): Verdict {
  const grammar = new PacketGrammar()
  for (let i = 0; i < text.length; i++) {
    const verdict = grammar.step(text.charCodeAt(i))
    if (verdict !== 'undecided') return verdict
  }
  return grammar.end()
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39

/** JSON's white space (RFC 8259 §2). */
const isWhiteSpace = (byte: number): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d

function hexDigit(byte: number): number {
  if (isDigit(byte)) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1
}
