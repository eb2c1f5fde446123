import { createHash } from 'node:crypto'
import { type AddressInfo, createServer, type Socket } from 'node:net'

// A core that takes every upgrade and sends each message back, unmasked; a message that begins with FAN_OUT goes to
// all sockets.

const FAN_OUT = '42["fan-out"'
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const sockets = new Set<Socket>()

function answer(socket: Socket, head: string): boolean {
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1]
  if (key === undefined) {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
    return false
  }
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  sockets.add(socket)
  return true
}

/** @returns the frame's length, undefined while it is not whole */
function echo(socket: Socket, bytes: Buffer): number | undefined {
  if (bytes.length < 8) return undefined
  const short = (bytes[1] ?? 0) & 0x7f
  const headBytes = short === 126 ? 4 : 2
  const length = short === 126 ? bytes.readUInt16BE(2) : short
  const start = headBytes + 4
  if (bytes.length < start + length) return undefined
  const frame = Buffer.allocUnsafe(headBytes + length)
  bytes.copy(frame, 0, 0, headBytes)
  frame[1] = short
  for (let i = 0; i < length; i++)
    frame[headBytes + i] = (bytes[start + i] ?? 0) ^ (bytes[headBytes + (i & 3)] ?? 0)
  const isFanOut = frame.toString('latin1', headBytes, headBytes + FAN_OUT.length) === FAN_OUT
  for (const to of isFanOut ? sockets : [socket]) to.write(frame)
  return start + length
}

const server = createServer({ noDelay: true }, (socket) => {
  let isUpgraded = false
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    if (!isUpgraded) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end !== -1) isUpgraded = answer(socket, bytes.toString('latin1', 0, end))
      bytes = end === -1 ? bytes : bytes.subarray(end + 4)
    }
    if (isUpgraded)
      for (let length = echo(socket, bytes); length !== undefined; length = echo(socket, bytes))
        bytes = bytes.subarray(length)
    rest = bytes
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => sockets.delete(socket))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
  console.log(`listening http://127.0.0.1:${(server.address() as AddressInfo).port}`),
)
