import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { openSignedIn } from '../../signed-in-socket.ts'
import type { HerdFigures, HerdOrder } from '../storm.ts'

// Signed-in sockets that come back as Socket.IO's own client does: after 0.5 to 1.5 s, then twice that, at most 5 s.
// `ready` when all are connected; from `mark` on it counts; `figures` when all are back, or the patience is over.

const { url, clientKey, tokens, patienceMs }: HerdOrder = JSON.parse(process.argv[2] ?? '')
const OPENED_AT_ONCE = 50
const ANSWER_WITHIN_MS = 20_000
const FIRST_DELAY_MS = 1_000
const MOST_DELAY_MS = 5_000
const MOST_FIRST_ATTEMPTS = 5

let connected = 0
let markedAtMs: number | undefined
let dropped = 0
const backAfterMs: number[] = []
const errors: Record<string, number> = Object.create(null)

async function stay(token: string, onFirst: () => void): Promise<void> {
  let attempt = 0
  for (;;) {
    try {
      const socket = await openSignedIn(url, clientKey, token, ANSWER_WITHIN_MS)
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
