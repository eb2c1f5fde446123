/** Frames as a client writes them, and how a core would read what it was sent. */
import { decodePacket } from 'engine.io-parser'
import { Decoder, PacketType } from 'socket.io-parser'
import { parseSocketAuth } from '../../../core/contract/socket-auth.ts'

export type Frame = { final: boolean; opcode: number; payload: Buffer }

export const MASK = Buffer.from([0x5a, 0x00, 0xff, 0x31])

export type FrameOptions = { opcode?: number; final?: boolean; mask?: Buffer | undefined; reserved?: number }

export function clientFrame(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { opcode = 1, final = true, reserved = 0 } = options
  const mask = 'mask' in options ? options.mask : MASK
  const bytes = Buffer.from(payload)
  const masked = mask === undefined ? bytes : bytes.map((byte, i) => byte ^ mask[i & 3]!)
  const first = (final ? 0x80 : 0) | (reserved << 4) | opcode
  const flag = mask === undefined ? 0 : 0x80
  const length = bytes.length
  let head: Buffer
  if (length < 126) head = Buffer.from([first, flag | length])
  else if (length < 65_536) head = Buffer.from([first, flag | 126, length >> 8, length & 0xff])
  else {
    head = Buffer.alloc(10)
    head[0] = first
    head[1] = flag | 127
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([head, mask ?? Buffer.alloc(0), masked])
}

/** One message in fragments of the given payloads. */
export function fragments(parts: readonly string[], opcode = 1): Buffer {
  return Buffer.concat(
    parts.map((part, i) =>
      clientFrame(part, { opcode: i === 0 ? opcode : 0, final: i === parts.length - 1 }),
    ),
  )
}

/** Every whole frame in the bytes, unmasked. */
export function readFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  let at = 0
  while (at + 2 <= bytes.length) {
    const first = bytes[at]!
    const second = bytes[at + 1]!
    let length = second & 0x7f
    let start = at + 2
    if (start + (length === 126 ? 2 : length === 127 ? 8 : 0) > bytes.length) break
    if (length === 126) {
      length = bytes.readUInt16BE(start)
      start += 2
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(start))
      start += 8
    }
    const mask = (second & 0x80) === 0 ? undefined : bytes.subarray(start, start + 4)
    if (mask !== undefined) start += 4
    if (start + length > bytes.length) break
    const payload = Buffer.from(bytes.subarray(start, start + length))
    frames.push({
      final: (first & 0x80) !== 0,
      opcode: first & 0x0f,
      payload: mask === undefined ? payload : (payload.map((byte, i) => byte ^ mask[i & 3]!) as Buffer),
    })
    at = start + length
  }
  return frames
}

/** The messages, control frames apart, as [opcode, payload]. */
export function readMessages(bytes: Buffer): { opcode: number; payload: Buffer }[] {
  const messages: { opcode: number; payload: Buffer }[] = []
  let current: { opcode: number; parts: Buffer[] } | undefined
  for (const frame of readFrames(bytes)) {
    if (frame.opcode > 7) continue
    current ??= { opcode: frame.opcode, parts: [] }
    current.parts.push(frame.payload)
    if (!frame.final) continue
    messages.push({ opcode: current.opcode, payload: Buffer.concat(current.parts) })
    current = undefined
  }
  return messages
}

export const readTexts = (bytes: Buffer): string[] =>
  readMessages(bytes).flatMap(({ opcode, payload }) => (opcode === 1 ? [payload.toString()] : []))

/**
 * Whether a core with the real parsers would see an authentication that no gateway wrote, in one Engine.IO text: on
 * any namespace, since some of their names are normalised to the main one, and as a binary event too.
 */
export function carriesRawAuth(text: string): boolean {
  const packet = decodePacket(text)
  if (packet.type !== 'message' || typeof packet.data !== 'string') return false
  let found = false
  const decoder = new Decoder()
  decoder.on('decoded', (packet) => {
    const data: unknown = packet.data
    // Not an acknowledgement, which may hold any words.
    if (
      packet.type === PacketType.EVENT &&
      Array.isArray(data) &&
      (data[0] === 'auth' || data[0] === 'auth2')
    )
      found = data.length !== 2 || parseSocketAuth(data[1]) === undefined
  })
  try {
    decoder.add(packet.data)
  } catch {
    return false
  }
  // A binary event is only whole with its attachments; its name can be none of them.
  const array = /^45\d+-[^[]*(\[.*)$/s.exec(text)?.[1]
  if (array === undefined) return found
  try {
    const name: unknown = JSON.parse(array)[0]
    return name === 'auth' || name === 'auth2'
  } catch {
    return found
  }
}
