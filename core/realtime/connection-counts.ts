import type { Logger } from 'pino'
import { openRedis } from '#contract/redis.ts'
import type { Connections } from '../chat/context.ts'

export type ConnectionCounts = Connections & { close(): Promise<void> }

type Parts = {
  /** This core's live sockets now. */
  local: () => ReadonlyMap<string, number>
  nodeId: string
  redisUrl: string | undefined
  clock: () => number
  log: Logger
  tickMs?: number
}

const TICK_MS = 10_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** A core that said nothing for so long is gone. */
const STALE_MS = 35_000

const countsKey = (app: string) => `im:connections:${app}`
const peaksKey = (app: string) => `im:connection-peaks:${app}`

/** How many sockets live, and the most at once of the last hour, by minutes. */
export function createConnectionCounts(parts: Parts): ConnectionCounts {
  const { local, clock, redisUrl } = parts
  const peaks = new Map<string, Map<number, number>>()
  const shared = redisUrl === undefined ? undefined : createSharedCounts(parts, redisUrl)

  function note(app: string, total: number): void {
    const minute = Math.floor(clock() / MINUTE_MS)
    const minutes = peaks.get(app) ?? new Map<number, number>()
    minutes.set(minute, Math.max(minutes.get(minute) ?? 0, total))
    for (const old of minutes.keys()) if (old <= minute - HOUR_MS / MINUTE_MS) minutes.delete(old)
    peaks.set(app, minutes)
  }

  async function tick(): Promise<void> {
    for (const [app, minutes] of peaks) if (minutes.size === 0) peaks.delete(app)
    for (const [app, count] of local()) note(app, count)
    await shared?.tell(local())
  }

  let ticking: Promise<void> | undefined
  const timer = setInterval(() => {
    // One after the other, however slow Redis is.
    ticking ??= tick().finally(() => {
      ticking = undefined
    })
  }, parts.tickMs ?? TICK_MS).unref()

  async function count(app: string): Promise<number> {
    const own = local().get(app) ?? 0
    const total = own + ((await shared?.others(app)) ?? 0)
    note(app, total)
    return total
  }

  return {
    count,
    async peak(app) {
      const total = await count(app)
      const seen = [...(peaks.get(app)?.values() ?? []), (await shared?.peak(app)) ?? 0]
      return Math.max(total, ...seen)
    },
    async close() {
      clearInterval(timer)
      await ticking
      await shared?.close()
    },
  }
}

/** Redis away = this core's own count: a figure for operators is not worth a failure. */
function createSharedCounts({ nodeId, clock, log }: Parts, redisUrl: string) {
  const redis = openRedis(redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), 2_000),
  })
  const told = new Set<string>()
  let reported = false
  const onTrouble = (err: unknown) => {
    if (!reported) log.warn({ err, reason: 'REDIS_UNAVAILABLE' }, 'sockets are counted on this core alone')
    reported = true
  }
  redis.on('error', onTrouble)
  redis.on('ready', () => {
    reported = false
  })

  async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (redis.status !== 'ready') return undefined
    return work().catch((err: unknown) => {
      onTrouble(err)
      return undefined
    })
  }

  async function others(app: string): Promise<number> {
    const counts = (await redis.hgetall(countsKey(app))) as Record<string, string>
    let sum = 0
    for (const [node, text] of Object.entries(counts)) {
      const [count = 0, atMs = 0] = text.split(' ').map(Number)
      if (node !== nodeId && clock() - atMs < STALE_MS) sum += count
    }
    return sum
  }

  async function tellOf(app: string, count: number): Promise<void> {
    const key = countsKey(app)
    await redis.hset(key, nodeId, `${count} ${clock()}`)
    await redis.pexpire(key, STALE_MS)
    const total = count + (await others(app))
    const minute = Math.floor(clock() / MINUTE_MS)
    await redis.zadd(peaksKey(app), 'GT', String(total), String(minute))
    await redis.pexpire(peaksKey(app), 2 * HOUR_MS)
    if (count === 0) told.delete(app)
    else told.add(app)
  }

  return {
    others: (app: string) => attempt(() => others(app)),
    tell: (counts: ReadonlyMap<string, number>) =>
      attempt(async () => {
        for (const app of new Set([...told, ...counts.keys()])) await tellOf(app, counts.get(app) ?? 0)
      }),
    peak: (app: string) =>
      attempt(async () => {
        const since = Math.floor((clock() - HOUR_MS) / MINUTE_MS)
        const flat = await redis.zrange(peaksKey(app), 0, '-1', 'WITHSCORES')
        let highest = 0
        for (let i = 0; i + 1 < flat.length; i += 2)
          if (Number(flat[i]) > since) highest = Math.max(highest, Number(flat[i + 1]))
          else await redis.zrem(peaksKey(app), String(flat[i]))
        return highest
      }),
    async close() {
      for (const app of told) await attempt(() => redis.hdel(countsKey(app), nodeId))
      redis.disconnect()
    },
  }
}
