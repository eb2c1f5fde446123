import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { PacedOrder } from '../load.ts'
import { createLatencies } from './latencies.ts'

// An open loop: requests fall due by the clock, and one that finds no free connection waits with its time running.

const order: PacedOrder = JSON.parse(await text(process.stdin))
const { hostname, port } = new URL(order.url)
const texts = order.requests.map(({ method, path, headers, body = '' }) => {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = method === 'POST' ? `Content-Length: ${body.length}\r\n` : ''
  return `${method} ${path} HTTP/1.1\r\nHost: bench\r\n${fields.join('')}${length}\r\n${body}`
})
const latencies = createLatencies()
const idle: Slot[] = []
const due: number[] = []
let sent = 0
let failures = 0

type Slot = { socket: Socket; sinceMs: number; left: number; head: string }

function send(slot: Slot, sinceMs: number): void {
  slot.sinceMs = sinceMs
  slot.left = -1
  slot.head = ''
  slot.socket.write(texts[sent++ % texts.length] ?? '', 'latin1')
}

function receive(slot: Slot, chunk: Buffer): void {
  if (slot.left === -1) {
    slot.head += chunk.toString('latin1')
    const end = slot.head.indexOf('\r\n\r\n')
    if (end === -1) return
    if (!slot.head.startsWith('HTTP/1.1 200')) failures++
    const length = Number(/content-length: *(\d+)/i.exec(slot.head.slice(0, end))?.[1] ?? 0)
    slot.left = length - (slot.head.length - end - 4)
  } else slot.left -= chunk.length
  if (slot.left > 0) return
  latencies.add(performance.now() - slot.sinceMs)
  const next = due.shift()
  if (next === undefined) idle.push(slot)
  else send(slot, next)
}

await Promise.all(
  Array.from({ length: order.connections }, () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, resolve)
    const slot: Slot = { socket, sinceMs: 0, left: 0, head: '' }
    socket.on('data', (chunk) => receive(slot, chunk)).on('error', reject)
    socket.on('close', () => failures++)
    idle.push(slot)
    return promise
  }),
)
const startedMs = performance.now()
let scheduled = 0
const timer = setInterval(() => {
  const now = performance.now()
  const elapsedMs = now - startedMs
  if (elapsedMs >= order.seconds * 1_000) {
    clearInterval(timer)
    console.log(JSON.stringify(latencies.figures(elapsedMs / 1_000, failures)))
    process.exit()
  }
  for (; scheduled < (elapsedMs / 1_000) * order.rate; scheduled++) {
    const slot = idle.pop()
    if (slot === undefined) due.push(now)
    else send(slot, now)
  }
}, 1)
