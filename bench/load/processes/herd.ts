import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { requestText } from '../../../test/support/raw-http.ts'
import { frameBytes } from '../../../test/support/raw-websocket.ts'
import type { HerdFigures, HerdOrder } from '../storm.ts'

// Signed-in sockets that come back as Socket.IO's own client does: after 0.5 to 1.5 s, then twice that, at most 5 s.
// `ready` when all are connected; from `mark` on it counts; `figures` when all are back, or the patience is over.

const { url, clientKey, tokens, patienceMs }: HerdOrder = JSON.parse(process.argv[2] ?? '')
const OPENED_AT_ONCE = 50
const ANSWER_WITHIN_MS = 20_000
const FIRST_DELAY_MS = 1_000
const MOST_DELAY_MS = 5_000
const MOST_FIRST_ATTEMPTS = 5
const PING = Buffer.from([0x81, 1, 0x32])
const PONG = frameBytes('3')
const port = Number(new URL(url).port)

let connected = 0
let markedAtMs: number | undefined
let dropped = 0
const backAfterMs: number[] = []
const errors: Record<string, number> = Object.create(null)

async function open(token: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  socket.on('error', () => {})
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  try {
    await once(socket, 'connect', { signal })
    socket.write(
      requestText('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1', [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        `IM-Client-Key: ${clientKey}`,
        `IM-Authorization: ${token}`,
      ]),
    )
    let seen = ''
    let hasJoined = false
    while (!seen.includes('40{"sid"')) {
      const closed = once(socket, 'close', { signal }).then(() => {
        throw new Error(`closed after ${JSON.stringify(seen.slice(0, 12))}`)
      })
      const [bytes] = await Promise.race([once(socket, 'data', { signal }), closed])
      seen += bytes.toString('latin1')
      if (!seen.startsWith('HTTP/1.1 101')) throw new Error(`answered ${seen.slice(9, 12)}`)
      if (!hasJoined && seen.includes('0{"sid"')) {
        socket.write(frameBytes('40'))
        hasJoined = true
      }
    }
    socket.on('data', (bytes: Buffer) => {
      if (bytes.indexOf(PING) !== -1) socket.write(PONG)
    })
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

async function stay(token: string, onFirst: () => void): Promise<void> {
  let attempt = 0
  for (;;) {
    try {
      const socket = await open(token)
      attempt = 0
      connected++
      onFirst()
      if (markedAtMs !== undefined) backAfterMs.push(performance.now() - markedAtMs)
      await new Promise((resolve) => socket.once('close', resolve))
      connected--
      if (markedAtMs !== undefined) dropped++
    } catch (error) {
      const name = error instanceof Error ? error.message : 'unknown'
      if (markedAtMs !== undefined) errors[name] = (errors[name] ?? 0) + 1
      // Nothing has happened yet: who cannot come in now has found a mistake.
      else if (attempt >= MOST_FIRST_ATTEMPTS) throw new Error(`no socket opens: ${name}`)
    }
    const waitMs = Math.min(MOST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt++)
    await delay(waitMs * (0.5 + Math.random()))
  }
}

const waiting = [...tokens]
await Promise.all(
  Array.from({ length: OPENED_AT_ONCE }, async () => {
    for (let token = waiting.pop(); token !== undefined; token = waiting.pop()) {
      const { promise, resolve } = Promise.withResolvers<void>()
      void stay(token, resolve)
      await promise
    }
  }),
)
process.send?.({ ready: connected })

await once(process, 'message')
markedAtMs = performance.now()
while (dropped === 0 && performance.now() - markedAtMs < patienceMs) await delay(20)
while (connected < tokens.length && performance.now() - markedAtMs < patienceMs) await delay(20)
const sorted = backAfterMs.toSorted((one, other) => one - other)
const figures: HerdFigures = { dropped, away: tokens.length - connected, backAfterMs: sorted, errors }
process.send?.({ figures })
