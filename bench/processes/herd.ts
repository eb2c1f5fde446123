import { once } from 'node:events'
import { connect } from 'node:net'
import type { LoadOrder } from '../load.ts'
import { type Generator, generate } from './generator.ts'

// All connections are opened first; then each sends the one request, at once.

async function open({ url, requests: [request], connections }: LoadOrder): Promise<Generator> {
  const { hostname, port } = new URL(url)
  const fields = Object.entries(request?.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`)
  const message = `${request?.method} ${request?.path} HTTP/1.1\r\nHost: bench\r\n${fields.join('')}\r\n`
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true })
      await once(socket, 'connect')
      return socket
    }),
  )
  let requests = 0
  let failures = 0
  let onMs = 0
  return {
    async turn() {
      const startedMs = performance.now()
      await Promise.all(
        sockets.map(async (socket) => {
          socket.write(message)
          const [answer] = await once(socket, 'data')
          requests++
          if (!String(answer).startsWith('HTTP/1.1 200')) failures++
        }),
      )
      onMs += performance.now() - startedMs
    },
    figures: () => ({ requests, requestsPerSecond: (requests / onMs) * 1_000, failures }),
  }
}

await generate(open)
