/** Sends at a steady rate, whatever the answers take, and follows each message to every socket that should get it. */
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { fieldsOf } from '../api.ts'
import { createLatencies, type Latencies, type Quantiles } from './measure.ts'
import type { Person } from './people.ts'
import { connectAll, type SocketsOptions } from './sockets.ts'

export type DriveOptions = {
  url: string
  clientKey: string
  people: readonly Person[]
  /** Messages a second, of all together. */
  rate: number
  durationMs: number
  onProgress(sent: number): void
  stopped: AbortSignal
}

type Driven = {
  sends: Latencies
  deliveries: Latencies
  sent: number
  /** By status and code. */
  refused: Record<string, number>
  expected: number
}

export type Figures = {
  sent: number
  refused: Record<string, number>
  send: Quantiles
  /** From the beginning of the send to each member's socket. */
  delivery: Quantiles
  lost: number
  socketsLost: number
}

/** Everybody has a socket. */
export type Drive = {
  run(): Promise<Figures>
  close(): void
}

const TICK_MS = 10
/** A slow server must not make this process swell: beyond so many under way, a send counts as refused. */
const MAX_UNDER_WAY = 2_000
const SETTLE_MS = 10_000

export async function createDrive(
  run: string,
  options: DriveOptions & Pick<SocketsOptions, 'onConnected'>,
): Promise<Drive> {
  const talk = createTalk(run, options)
  const sockets = await connectAll({ ...options, onMessage: (_person, { text }) => talk.delivered(text) })
  return {
    async run() {
      const { sends, deliveries, sent, refused, expected } = await talk.run()
      const delivery = deliveries.quantiles()
      const lost = Math.max(0, expected - delivery.count)
      return { sent, refused, send: sends.quantiles(), delivery, lost, socketsLost: sockets.lost() }
    },
    close: sockets.close,
  }
}

function createTalk(run: string, options: DriveOptions) {
  const { url, clientKey, people, rate, durationMs, onProgress, stopped } = options
  const sends = createLatencies()
  const deliveries = createLatencies()
  const refused: Record<string, number> = Object.create(null)
  /** Of messages that some socket still waits for: when each was sent, and for how many. */
  const startedAt = new Map<string, { atMs: number; missing: number }>()
  const prefix = `load ${run} `
  let sent = 0
  let expected = 0
  let underWay = 0

  const refuse = (reason: string) => {
    refused[reason] = (refused[reason] ?? 0) + 1
  }

  async function send(pool: Pool, { token, roomId, neighbours }: Person, n: number): Promise<void> {
    const text = `${prefix}${n}`
    const atMs = performance.now()
    // Events may come before the answer.
    startedAt.set(text, { atMs, missing: neighbours })
    underWay++
    try {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: `/rooms/${roomId}/message`,
        headers: {
          'im-client-key': clientKey,
          'im-authorization': token,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ messageType: 'text', message: text }),
      })
      const answer = fieldsOf(await body.json())
      if (statusCode === 200) {
        sends.record(performance.now() - atMs)
        sent++
        expected += neighbours
        return
      }
      refuse(`${statusCode} ${fieldsOf(answer.error).code ?? ''}`.trim())
    } catch (error) {
      refuse(error instanceof Error && 'code' in error ? String(error.code) : 'UNREADABLE')
    } finally {
      underWay--
    }
    startedAt.delete(text)
  }

  async function settle(): Promise<void> {
    const untilMs = performance.now() + SETTLE_MS
    while ((underWay > 0 || startedAt.size > 0) && performance.now() < untilMs) await delay(TICK_MS)
  }

  return {
    /** A socket got a message. */
    delivered(text: unknown) {
      if (typeof text !== 'string' || !text.startsWith(prefix)) return
      const message = startedAt.get(text)
      if (message === undefined) return
      deliveries.record(performance.now() - message.atMs)
      message.missing--
      if (message.missing === 0) startedAt.delete(text)
    },

    async run(): Promise<Driven> {
      const pool = new Pool(url, { connections: 64, headersTimeout: SETTLE_MS, bodyTimeout: SETTLE_MS })
      const startMs = performance.now()
      let begun = 0
      for (;;) {
        const passedMs = Math.min(performance.now() - startMs, durationMs)
        for (const due = Math.floor((passedMs / 1_000) * rate); begun < due; begun++) {
          if (underWay < MAX_UNDER_WAY) void send(pool, people[begun % people.length]!, begun)
          else refuse('TOO_SLOW')
        }
        onProgress(begun)
        if (passedMs >= durationMs || stopped.aborted) break
        await delay(TICK_MS)
      }
      await settle()
      await pool.destroy()
      return { sends, deliveries, sent, refused, expected }
    },
  }
}
