import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { LoadOrder } from '../load.ts'
import { createLatencies } from './latencies.ts'

// All connections are opened first; then each sends the one request, at once.

const order: LoadOrder = JSON.parse(await text(process.stdin))
const { hostname, port } = new URL(order.url)
const [request] = order.requests
const fields = Object.entries(request?.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`)
const message = `${request?.method} ${request?.path} HTTP/1.1\r\nHost: bench\r\n${fields.join('')}\r\n`
const sockets = await Promise.all(
  Array.from({ length: order.connections }, async () => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return socket
  }),
)
const latencies = createLatencies()
let failures = 0
const startedMs = performance.now()
await Promise.all(
  sockets.map(async (socket) => {
    socket.write(message)
    const [answer] = await once(socket, 'data')
    if (!String(answer).startsWith('HTTP/1.1 200')) failures++
    latencies.add(performance.now() - startedMs)
  }),
)
console.log(JSON.stringify(latencies.figures((performance.now() - startedMs) / 1_000, failures)))
process.exit()
