import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import type { PacedOrder } from '../load.ts'
import { type Generator, generate } from './generator.ts'

// An open loop: requests fall due by the clock, one by one, and one that finds no free connection waits with its time
// running.

type Slot = { socket: Socket; isDue: boolean; sinceMs: number; left: number; head: string }

async function openPaced({ url, connections, requests, rate }: PacedOrder): Promise<Generator> {
  const { hostname, port } = new URL(url)
  const texts = requests.map(({ method, path, headers, body = '' }) => {
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const length = method === 'POST' ? `Content-Length: ${body.length}\r\n` : ''
    return `${method} ${path} HTTP/1.1\r\nHost: bench\r\n${fields.join('')}${length}\r\n${body}`
  })
  const latencies: number[] = []
  const idle: Slot[] = []
  const due: number[] = []
  let open = 0
  let onMs = 0
  let isCounted = true
  let sent = 0
  let failures = 0
  let quiet: (() => void) | undefined

  function send(slot: Slot, sinceMs: number): void {
    slot.isDue = true
    slot.sinceMs = sinceMs
    slot.left = -1
    slot.head = ''
    slot.socket.write(texts[sent++ % texts.length] ?? '', 'latin1')
  }

  function receive(slot: Slot, chunk: Buffer): void {
    // A server may say why it will close.
    if (!slot.isDue) return
    if (slot.left === -1) {
      slot.head += chunk.toString('latin1')
      const end = slot.head.indexOf('\r\n\r\n')
      if (end === -1) return
      if (!slot.head.startsWith('HTTP/1.1 200')) failures++
      const length = Number(/content-length: *(\d+)/i.exec(slot.head.slice(0, end))?.[1] ?? 0)
      slot.left = length - (slot.head.length - end - 4)
    } else slot.left -= chunk.length
    if (slot.left > 0) return
    slot.isDue = false
    if (isCounted) latencies.push(performance.now() - slot.sinceMs)
    const next = due.shift()
    if (next !== undefined) send(slot, next)
    else if (idle.push(slot) === open) quiet?.()
  }

  async function connectSlot(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, resolve)
    const slot: Slot = { socket, isDue: false, sinceMs: 0, left: 0, head: '' }
    socket.on('data', (chunk) => receive(slot, chunk)).on('error', reject)
    await promise
    open++
    socket.on('close', () => {
      // Idle for too long, between turns or because others were at hand; or under a request.
      if (slot.isDue) failures++
      else idle.splice(idle.indexOf(slot), 1)
      if (idle.length === --open) quiet?.()
    })
    // One that is never used would be closed after some seconds, with all others opened when it was: a burst of work
    // that no client makes who connects because it has something to ask.
    send(slot, 0)
  }

  const pacer = new Worker(new URL('./pacer.ts', import.meta.url), { workerData: { rate } })
  // What it has to say comes by messages; it alone keeps nobody alive.
  pacer.unref()
  await once(pacer, 'online')

  /** Each connection has then been used. */
  async function connectAll(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    isCounted = false
    await Promise.all(Array.from({ length: connections - open }, connectSlot))
    if (idle.length === open) return
    quiet = resolve
    await promise
  }
  await connectAll()

  async function turn(ms: number, counted: boolean): Promise<void> {
    await connectAll()
    const { promise, resolve } = Promise.withResolvers<void>()
    const startedMs = performance.now()
    quiet = undefined
    isCounted = counted
    pacer.on('message', (what: 'due' | 'over') => {
      const now = performance.now()
      const slot = what === 'due' ? idle.pop() : undefined
      if (slot !== undefined) send(slot, now)
      else if (what === 'due') due.push(now)
      else {
        pacer.removeAllListeners('message')
        if (counted) onMs += now - startedMs
        if (idle.length === open) resolve()
        else quiet = resolve
      }
    })
    pacer.postMessage(ms)
    return promise
  }

  return {
    turn,
    figures() {
      const sorted = latencies.toSorted((a, b) => a - b)
      const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0
      const requests = latencies.length
      return {
        requests,
        requestsPerSecond: (requests / onMs) * 1_000,
        failures,
        p50Ms: at(0.5),
        p99Ms: at(0.99),
      }
    },
  }
}

await generate(openPaced)
