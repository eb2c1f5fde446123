import { randomBytes } from 'node:crypto'

/** Close codes of ours (RFC 6455 §7.4); 4000–4999 are for applications. */
export type CloseCode = 1001 | 1002 | 1008 | 1009 | 1012 | 4401 | 4408

export const TEXT = 1
export const BINARY = 2
export const CLOSE = 8

/** A whole text message as a client sends it: masked (RFC 6455 §5.3). */
export function encodeTextFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const { length } = payload
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const frame = Buffer.allocUnsafe(2 + lengthBytes + 4 + length)
  frame[0] = 0x80 | TEXT
  if (lengthBytes === 0) frame[1] = 0x80 | length
  else if (lengthBytes === 2) {
    frame[1] = 0x80 | 126
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = 0x80 | 127
    frame.writeBigUInt64BE(BigInt(length), 2)
  }
  const mask = randomBytes(4)
  const start = 2 + lengthBytes + 4
  mask.copy(frame, start - 4)
  for (let i = 0; i < length; i++) frame[start + i] = payload[i]! ^ mask[i & 3]!
  return frame
}

/** As a server sends it, unmasked. The reason is ASCII and short. */
export function encodeCloseFrame(code: CloseCode, reason: string): Buffer {
  const frame = Buffer.allocUnsafe(4 + reason.length)
  frame[0] = 0x80 | CLOSE
  frame[1] = 2 + reason.length
  frame.writeUInt16BE(code, 2)
  frame.write(reason, 4, 'latin1')
  return frame
}
