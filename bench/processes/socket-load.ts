import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { SocketOrder } from '../load.ts'
import { createLatencies } from './latencies.ts'

// Sockets that say what they are told; the order and then `go` on stdin, `ready` and then the figures on stdout.

const lines = createInterface(process.stdin)[Symbol.asyncIterator]()
const order: SocketOrder = JSON.parse((await lines.next()).value ?? '')
const { hostname, port } = new URL(order.url)
const OPENING_AT_ONCE = 64
const latencies = createLatencies()
let failures = 0
let isRunning = false

/** One whole text message, masked (RFC 6455 §5.3). */
function frameOf(text: string): Buffer {
  const payload = Buffer.from(text)
  const head =
    payload.length < 126
      ? [0x81, 0x80 | payload.length]
      : [0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff]
  const mask = [0x12, 0x34, 0x56, 0x78]
  return Buffer.from([...head, ...mask, ...payload.map((byte, i) => byte ^ (mask[i & 3] ?? 0))])
}

async function open(index: number): Promise<Socket> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  const fields = Object.entries(order.headers[index % order.headers.length] ?? {})
  socket.write(
    [
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
      'Host: bench',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...fields.map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n'),
  )
  const [answer] = await once(socket, 'data')
  if (!String(answer).startsWith('HTTP/1.1 101')) throw new Error(`answered ${String(answer).slice(0, 100)}`)
  return socket
}

/** Calls back for every whole frame; its payload is of no interest. */
function onFrames(socket: Socket, onFrame: () => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (;;) {
      const short = (bytes[1] ?? 0) & 0x7f
      if (bytes.length < 4) break
      const length = short < 126 ? 2 + short : 4 + bytes.readUInt16BE(2)
      if (bytes.length < length) break
      bytes = bytes.subarray(length)
      onFrame()
    }
    rest = bytes
  })
  socket.on('close', () => {
    if (isRunning) failures++
  })
}

const sockets: Socket[] = []
let opened = 0
await Promise.all(
  Array.from({ length: OPENING_AT_ONCE }, async () => {
    while (opened < order.connections) sockets.push(await open(opened++))
  }),
)
const frames = order.messages.map(frameOf)
const frameFor = (index: number): Buffer => frames[index % frames.length] ?? Buffer.alloc(0)
console.log('ready')
await lines.next()

isRunning = true
const startedMs = performance.now()
if (order.kind === 'echo') {
  for (const [index, socket] of sockets.entries()) {
    const frame = frameFor(index)
    let sinceMs = performance.now()
    onFrames(socket, () => {
      latencies.add(performance.now() - sinceMs)
      sinceMs = performance.now()
      socket.write(frame)
    })
    socket.write(frame)
  }
} else if (order.kind === 'fan-out') {
  let received = 0
  let sinceMs = performance.now()
  for (const socket of sockets)
    onFrames(socket, () => {
      latencies.add(performance.now() - sinceMs)
      if (++received % sockets.length !== 0) return
      sinceMs = performance.now()
      sockets[0]?.write(frameFor(0))
    })
  sockets[0]?.write(frameFor(0))
}
setTimeout(() => {
  isRunning = false
  console.log(JSON.stringify(latencies.figures((performance.now() - startedMs) / 1_000, failures)))
  for (const socket of sockets) socket.destroy()
  process.exit()
}, order.seconds * 1_000)
