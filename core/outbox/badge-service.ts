/** The deployment's badge service: several products add up what a user has not read (contract: rest §2.12). */
import { LRUCache } from 'lru-cache'
import type { Logger } from '../observe/log.ts'
import type { Outbound } from './outbound.ts'

export type BadgeService = {
  /** @throws Error where it was not taken. */
  tell(userId: string, count: number): Promise<void>
  /**
   * What the other products count. Bounded in time and never an exception: of a user whom the service did not tell
   * of, the last it told, or nothing.
   */
  others(userIds: readonly string[]): Promise<Map<string, number>>
}

type Known = { others: number; atMs: number }

const SOURCE = 'imkit'
const TELL_TIMEOUT_MS = 5_000
const ASK_TIMEOUT_MS = 300
const FRESH_MS = 5_000
/** After a failure it is left alone for that long. */
const PAUSE_MS = 5_000
const MAX_KNOWN = 50_000

type Parts = {
  url: string
  outbound: Outbound
  clock: () => number
  log: Logger
  /** How long a caller waits for the totals before its own count has to do. */
  askTimeoutMs?: number | undefined
}

export function createBadgeService({ url, outbound, clock, log, askTimeoutMs }: Parts): BadgeService {
  const base = url.replace(/\/+$/, '')
  const known = new LRUCache<string, Known>({ max: MAX_KNOWN })
  let pausedUntilMs = 0

  const post = (path: string, body: unknown, timeoutMs: number) =>
    outbound.call(new URL(`${base}/${path}`), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      trusted: true,
      timeoutMs,
    })

  async function ask(userIds: readonly string[]): Promise<void> {
    const { status, text } = await post('', userIds, askTimeoutMs ?? ASK_TIMEOUT_MS)
    if (status !== 200) throw new Error(`the badge service answered ${status}`)
    const answer: unknown = JSON.parse(text)
    for (const record of Array.isArray(answer) ? answer : [answer]) remember(record)
  }

  function remember(record: unknown): void {
    if (typeof record !== 'object' || record === null || !('clientId' in record)) return
    const { clientId } = record
    const total = 'total' in record ? Number(record.total) : 0
    const own = SOURCE in record ? Number(record[SOURCE]) : 0
    const others = Math.max(0, total - own)
    if (typeof clientId === 'string' && Number.isFinite(others))
      known.set(clientId, { others, atMs: clock() })
  }

  return {
    async tell(userId, count) {
      const { status, text } = await post(
        encodeURIComponent(userId),
        { source: SOURCE, count },
        TELL_TIMEOUT_MS,
      )
      if (status < 200 || status > 299) throw new Error(`the badge service answered ${status}`)
      try {
        remember(JSON.parse(text))
      } catch {
        // It took the count, whatever it says.
      }
    },
    async others(userIds) {
      const nowMs = clock()
      const stale = userIds.filter((id) => nowMs - (known.get(id)?.atMs ?? 0) > FRESH_MS)
      if (stale.length > 0 && nowMs >= pausedUntilMs)
        await ask(stale).catch((err: unknown) => {
          if (clock() >= pausedUntilMs)
            log.warn({ event: 'badge-unread', err }, 'the badge service did not answer')
          pausedUntilMs = clock() + PAUSE_MS
        })
      return new Map(userIds.map((id) => [id, known.get(id)?.others ?? 0]))
    },
  }
}
