import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { SocketOrder } from '../load.ts'
import { type Generator, generate } from './generator.ts'

// Sockets that say what they are told.

const OPENING_AT_ONCE = 64

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

async function openSocket({ url, headers }: SocketOrder, index: number): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  const fields = Object.entries(headers[index % headers.length] ?? {})
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
}

async function open(order: SocketOrder): Promise<Generator> {
  const sockets: Socket[] = []
  let opened = 0
  await Promise.all(
    Array.from({ length: OPENING_AT_ONCE }, async () => {
      while (opened < order.connections) sockets.push(await openSocket(order, opened++))
    }),
  )
  const frames = order.messages.map(frameOf)
  /** Those whose message each socket's frames answer: its own, or the first one's for all. */
  const speakers = order.kind === 'fan-out' ? sockets.slice(0, 1) : sockets
  const expected = order.kind === 'fan-out' ? sockets.length : 1
  let received = 0
  let counted = 0
  let onMs = 0
  let isOn = false
  let speaking = 0
  let quiet: (() => void) | undefined

  function speak(index: number): void {
    sockets[index]?.write(frames[index % frames.length] ?? '')
  }
  for (const [index, socket] of sockets.entries()) {
    onFrames(socket, () => {
      if (++received % expected !== 0) return
      if (isOn) speak(order.kind === 'fan-out' ? 0 : index)
      else if (--speaking === 0) quiet?.()
    })
    socket.on('close', () => {
      throw new Error('a socket was closed')
    })
  }
  return {
    async turn(ms, isCounted) {
      const before = received
      const startedMs = performance.now()
      const { promise, resolve } = Promise.withResolvers<void>()
      quiet = resolve
      isOn = true
      speaking = speakers.length
      for (const index of speakers.keys()) speak(index)
      await delay(ms)
      isOn = false
      await promise
      if (!isCounted) return
      onMs += performance.now() - startedMs
      counted += received - before
    },
    figures: () => ({ requests: counted, requestsPerSecond: (counted / onMs) * 1_000, failures: 0 }),
  }
}

await generate(open)
