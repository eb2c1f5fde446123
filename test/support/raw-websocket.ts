import { randomBytes } from 'node:crypto'
import type { Scope } from './child-process.ts'
import { openRaw, type RawConnection, type RawResponse, requestText } from './raw-http.ts'

export type Frame = { opcode: number; final: boolean; payload: Buffer }

export type FrameOptions = { opcode?: number; final?: boolean; masked?: boolean; reserved?: number }

export type RawWebSocket = {
  connection: RawConnection
  answer: RawResponse
  /** The next frame that the other side sends. */
  frame(): Promise<Frame>
  /** The next text frame that is not an Engine.IO ping; pings are answered. */
  text(): Promise<string>
  sendText(text: string): void
}

const TEXT = 1

/** A WebSocket client that can send what no proper one would. */
export async function openRawWebSocket(
  t: Scope,
  url: string,
  fields: readonly string[] = [],
  target = '/socket.io/?EIO=4&transport=websocket',
): Promise<RawWebSocket> {
  const connection = await openRaw(url)
  t.teardown(() => connection.destroy())
  const key = randomBytes(16).toString('base64')
  connection.write(
    requestText(`GET ${target} HTTP/1.1`, [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${key}`,
      ...fields,
    ]),
  )
  const answer = await connection.response()
  const socket: RawWebSocket = {
    connection,
    answer,
    async frame() {
      const head = await connection.bytes(2)
      let length = head[1]! & 0x7f
      if (length === 126) length = (await connection.bytes(2)).readUInt16BE()
      else if (length === 127) length = Number((await connection.bytes(8)).readBigUInt64BE())
      const payload = length === 0 ? Buffer.alloc(0) : await connection.bytes(length)
      return { opcode: head[0]! & 0x0f, final: (head[0]! & 0x80) !== 0, payload }
    },
    async text() {
      for (;;) {
        const { opcode, payload } = await socket.frame()
        if (opcode !== TEXT) continue
        if (payload.toString() !== '2') return payload.toString()
        socket.sendText('3')
      }
    },
    sendText: (text) => connection.write(frameBytes(text)),
  }
  return socket
}

/** The exact bytes of one frame; a client's frames are masked. */
export function frameBytes(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { opcode = TEXT, final = true, masked = true, reserved = 0 } = options
  const body = Buffer.from(payload)
  const first = (final ? 0x80 : 0) | (reserved << 4) | opcode
  const head = [Buffer.from([first, (masked ? 0x80 : 0) | lengthCode(body.length)]), longLength(body.length)]
  if (!masked) return Buffer.concat([...head, body])
  const mask = randomBytes(4)
  return Buffer.concat([...head, mask, body.map((byte, index) => byte ^ mask[index % 4]!)])
}

const lengthCode = (length: number): number => (length < 126 ? length : length < 65_536 ? 126 : 127)

function longLength(length: number): Buffer {
  if (length < 126) return Buffer.alloc(0)
  const bytes = Buffer.alloc(length < 65_536 ? 2 : 8)
  if (length < 65_536) bytes.writeUInt16BE(length)
  else bytes.writeBigUInt64BE(BigInt(length))
  return bytes
}
