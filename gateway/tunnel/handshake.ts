import { hash } from 'node:crypto'
import { type FieldLine, ownLine, ownName } from '../headers/field-lines.ts'
import { ResponseSyntaxError } from '../upstream/failure.ts'
import { bytesOf } from '../upstream/relay.ts'
import { requestHead } from '../upstream/request-head.ts'
import { parseResponseHead, type ResponseHead } from '../upstream/response-head.ts'
import { ResponseParser } from '../upstream/response-parser.ts'
import { hasToken } from './clean-upgrade.ts'

export type Handshake = {
  target: string
  host: string
  /** End-to-end fields, the identity among them. */
  fields: readonly FieldLine[]
  key: string
  /** The subprotocols that the client offers, as it wrote them. */
  protocols: string | undefined
}

/** What the core made of the handshake. */
export type HandshakeAnswer =
  | { kind: 'accepted'; protocol: string | undefined; rest: Buffer }
  | { kind: 'refused'; head: ResponseHead; body: Buffer }
  /** A 101 that does not answer this handshake, or no HTTP at all. */
  | { kind: 'malformed' }

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const END_OF_HEAD = '\r\n\r\n'
const NOTHING = Buffer.alloc(0)
const KEY = ownName('Sec-WebSocket-Key')
const VERSION = ownName('Sec-WebSocket-Version')
const PROTOCOL = ownName('Sec-WebSocket-Protocol')

/** The handshake as the core gets it: rebuilt, without extensions, so that frames stay readable on the way. */
export function writeHandshake({ target, host, fields, key, protocols }: Handshake): string {
  const all = [...fields, ownLine(KEY, key), ownLine(VERSION, '13')]
  if (protocols !== undefined) all.push(ownLine(PROTOCOL, protocols))
  const head = requestHead({ method: 'GET', target, host, fields: all }, { kind: 'absent' })
  return `${head.slice(0, -2)}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
}

/** What the client gets, once the core's own 101 is verified. */
export function writeAccepted(key: string, protocol: string | undefined): string {
  const chosen = protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n${chosen}\r\n`
}

/** Reads the core's answer to one handshake. Any other answer than the right 101 is a refusal, RFC 6455 §4.1. */
export class AnswerReader {
  readonly #handshake: Handshake
  readonly #maxHeadBytes: number
  readonly #maxBodyBytes: number
  readonly #parser: ResponseParser
  #head: ResponseHead | undefined
  #received = NOTHING
  #body: Buffer[] = []
  #bodyBytes = 0
  #parsing = false

  constructor(handshake: Handshake, limits: { maxHeadBytes: number; maxBodyBytes: number }) {
    this.#handshake = handshake
    this.#maxHeadBytes = limits.maxHeadBytes
    this.#maxBodyBytes = limits.maxBodyBytes
    this.#parser = new ResponseParser({
      onHead: (head, body) => {
        this.#head = head
        if (body !== undefined) this.#take(bytesOf(body))
      },
      onBody: (bytes) => this.#take(bytes),
      onEnd: () => undefined,
    })
  }

  /** Undefined while more is to come. */
  read(chunk: Buffer): HandshakeAnswer | undefined {
    try {
      if (this.#parsing) return this.#parse(chunk)
      this.#received = Buffer.concat([this.#received, chunk])
      const end = this.#received.indexOf(END_OF_HEAD)
      if ((end < 0 ? this.#received.length : end) > this.#maxHeadBytes) return { kind: 'malformed' }
      if (end < 0) return undefined
      const head = parseResponseHead(this.#received.toString('latin1', 0, end), false)
      if (head.status === 101) return this.#verify(head, this.#received.subarray(end + END_OF_HEAD.length))
      if (head.status < 200) return { kind: 'malformed' }
      this.#parsing = true
      this.#parser.begin(false)
      return this.#parse(this.#received)
    } catch (error) {
      if (error instanceof ResponseSyntaxError) return { kind: 'malformed' }
      throw error
    }
  }

  /** The core ended its side. */
  finish(): HandshakeAnswer {
    return this.#parsing && this.#parser.finish() ? this.#refused() : { kind: 'malformed' }
  }

  #parse(bytes: Buffer): HandshakeAnswer | undefined {
    this.#parser.read(bytes, bytes.length)
    if (this.#bodyBytes > this.#maxBodyBytes) return { kind: 'malformed' }
    return this.#parser.done ? this.#refused() : undefined
  }

  #take(bytes: Buffer): void {
    this.#bodyBytes += bytes.length
    // The parser's bytes are views, and the answer is small.
    if (this.#bodyBytes <= this.#maxBodyBytes) this.#body.push(Buffer.from(bytes))
  }

  #refused(): HandshakeAnswer {
    return { kind: 'refused', head: this.#head!, body: Buffer.concat(this.#body) }
  }

  #verify(head: ResponseHead, rest: Buffer): HandshakeAnswer {
    const valuesOf = (lower: string): string[] =>
      head.lines.flatMap(({ name, value }) => (name.lower === lower ? [value] : []))
    const [upgrade, ...moreUpgrades] = valuesOf('upgrade')
    const [accept, ...moreAccepts] = valuesOf('sec-websocket-accept')
    const [protocol, ...moreProtocols] = valuesOf('sec-websocket-protocol')
    const { key, protocols = '' } = this.#handshake
    const isRight =
      upgrade?.toLowerCase() === 'websocket' &&
      hasToken(valuesOf('connection').join(','), 'upgrade') &&
      accept === acceptOf(key) &&
      moreUpgrades.length + moreAccepts.length + moreProtocols.length === 0 &&
      valuesOf('sec-websocket-extensions').length === 0 &&
      valuesOf('content-length').length + valuesOf('transfer-encoding').length === 0 &&
      (protocol === undefined || protocols.split(',').some((offered) => offered.trim() === protocol))
    return isRight ? { kind: 'accepted', protocol, rest } : { kind: 'malformed' }
  }
}

const acceptOf = (key: string): string => hash('sha1', `${key}${GUID}`, 'base64')
