import type { Logger } from '../observe/log.ts'
import type { ObserveDelivery } from '../observe/outbox-metrics.ts'
import { type BadgeDue, claimDues, postponeDue, settleDue, unreadTotals } from '../store/badges.ts'
import type { Database } from '../store/database.ts'
import type { BadgeService } from './badge-service.ts'
import type { Loop, LoopTiming } from './loop.ts'
import { createPool } from './pool.ts'

type Parts = {
  db: Database
  service: Pick<BadgeService, 'tell'>
  clock: () => number
  log: Logger
  observe: ObserveDelivery
  firstRetryMs?: number
  timing?: Partial<LoopTiming> | undefined
}

const BATCHES = 4
const BATCH = 32
const LEASE_MS = 60_000
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000

/** Tells the badge service each user's unread total, as it is when it is told. */
export function createBadgeSync({ db, service, clock, log, observe, timing, ...parts }: Parts): Loop {
  const { firstRetryMs = FIRST_RETRY_MS } = parts
  const after = (ms: number) => new Date(clock() + ms)

  async function claim(limit: number): Promise<BadgeDue[][]> {
    const dues = await claimDues(db, limit * BATCH, after(0), after(LEASE_MS))
    return [...Map.groupBy(dues, (due) => due.app).values()].flatMap(inBatches)
  }

  async function work(dues: BadgeDue[], signal: AbortSignal): Promise<void> {
    const [first] = dues
    if (first === undefined) return
    const totals = await unreadTotals(
      db,
      first.app,
      dues.map((due) => due.userId),
    )
    await Promise.all(dues.map((due) => tell(due, totals.get(due.userId) ?? 0, signal)))
  }

  async function tell(due: BadgeDue, count: number, signal: AbortSignal): Promise<void> {
    try {
      if (signal.aborted) return await postponeDue(db, due, after(0))
      await service.tell(due.userId, count)
      observe('badge', 'delivered')
    } catch (err) {
      observe('badge', 'failed')
      if (due.attempts === 1) log.warn({ event: 'badge-untold', err }, 'the badge service was not told')
      const waitMs = Math.min(firstRetryMs * 2 ** Math.min(due.attempts - 1, 10), LONGEST_RETRY_MS)
      return postponeDue(db, due, after(waitMs * (1 - Math.random() / 2)))
    }
    await settleDue(db, due, after(0))
  }

  return createPool({ name: 'badges', limit: BATCHES, claim, work, log, timing })
}

function inBatches(dues: BadgeDue[]): BadgeDue[][] {
  const batches: BadgeDue[][] = []
  for (let start = 0; start < dues.length; start += BATCH) batches.push(dues.slice(start, start + BATCH))
  return batches
}
