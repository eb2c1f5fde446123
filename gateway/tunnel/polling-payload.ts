import { isUtf8 } from 'node:buffer'

/**
 * The packets of a long-polling body. Bytes stand for a binary packet, which cannot be an event.
 *
 * The core remembers a session's revision and reads by the content type; a request only claims a revision. So each
 * form is read strictly enough that no body is valid in two of them: EIO4 packets cannot begin like a length, EIO3
 * text may not hold the EIO4 separator, binary framing starts with a byte that text cannot start with, and text is
 * valid UTF-8, which the 0xff of binary framing is not.
 */
export type PollingPayload = { form: 'eio4' | 'eio3-text' | 'eio3-binary'; packets: (string | Buffer)[] }

const SEPARATOR = '\x1e'
const LENGTH = /^(?:0|[1-9]\d{0,8}):/
const MAX_LENGTH_DIGITS = 9
const END_OF_LENGTH = 0xff

/** What an Engine.IO client sends beside messages: close, ping, pong, upgrade, noop, and binary as base64. */
const CONTROL = /^(?:[12356]|[23]probe)$/
const BASE64 = /^b4?[A-Za-z0-9+/]*={0,2}$/

/** Undefined: not a body that any client sends. */
export function parsePollingPayload(body: Buffer, protocol: 3 | 4): PollingPayload | undefined {
  const first = body[0]
  if (first === undefined) return undefined
  const payload =
    first <= 1 ? parseBinary(body) : isUtf8(body) ? parseText(body.toString(), protocol) : undefined
  if (payload === undefined || (payload.form === 'eio3-binary' && protocol === 4)) return undefined
  return payload.packets.every(isKnownPacket) ? payload : undefined
}

export function encodePollingPayload({ form, packets }: PollingPayload): Buffer {
  if (form === 'eio4') return Buffer.from(packets.join(SEPARATOR))
  if (form === 'eio3-text') return Buffer.from(packets.map((packet) => `${packet.length}:${packet}`).join(''))
  return Buffer.concat(packets.map(encodeBinary))
}

export const isMessage = (packet: string | Buffer): packet is string =>
  typeof packet === 'string' && packet.startsWith('4')

function isKnownPacket(packet: string | Buffer): boolean {
  if (typeof packet !== 'string') return packet[0] === 4
  return isMessage(packet) || CONTROL.test(packet) || BASE64.test(packet)
}

function parseText(text: string, protocol: 3 | 4): PollingPayload | undefined {
  if (protocol === 4) return { form: 'eio4', packets: text.split(SEPARATOR) }
  if (text.includes(SEPARATOR)) return undefined
  const packets: string[] = []
  for (let at = 0; at < text.length; ) {
    const prefix = LENGTH.exec(text.slice(at, at + MAX_LENGTH_DIGITS + 1))?.[0]
    if (prefix === undefined) return undefined
    const start = at + prefix.length
    // In UTF-16 units, as JavaScript counts.
    at = start + Number(prefix.slice(0, -1))
    if (at > text.length) return undefined
    // An empty payload is written as `0:`.
    if (at > start) packets.push(text.slice(start, at))
  }
  return { form: 'eio3-text', packets }
}

/** `<0 text | 1 binary><decimal digits of the length, a byte each><0xff><packet>`, lengths in bytes. */
function parseBinary(body: Buffer): PollingPayload | undefined {
  const packets: (string | Buffer)[] = []
  for (let at = 0; at < body.length; ) {
    const isBinary = body[at] === 1
    if (!isBinary && body[at] !== 0) return undefined
    const end = body.indexOf(END_OF_LENGTH, at + 1)
    if (end <= at + 1 || end > at + 1 + MAX_LENGTH_DIGITS) return undefined
    let length = 0
    for (const digit of body.subarray(at + 1, end)) {
      if (digit > 9) return undefined
      length = length * 10 + digit
    }
    const bytes = body.subarray(end + 1, end + 1 + length)
    if (length === 0 || bytes.length < length || (!isBinary && !isUtf8(bytes))) return undefined
    packets.push(isBinary ? bytes : bytes.toString())
    at = end + 1 + length
  }
  return { form: 'eio3-binary', packets }
}

function encodeBinary(packet: string | Buffer): Buffer {
  const bytes = typeof packet === 'string' ? Buffer.from(packet) : packet
  const digits = [...`${bytes.length}`].map(Number)
  return Buffer.concat([Buffer.from([typeof packet === 'string' ? 0 : 1, ...digits, END_OF_LENGTH]), bytes])
}
