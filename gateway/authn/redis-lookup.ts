import type { Logger } from 'pino'
import type { CredentialKind } from '#contract/credential.ts'
import { type Introspection, REDIS_POSITION_KEY, redisCredentialKey } from '#contract/internal.ts'
import { openRedis } from '#contract/redis.ts'
import type { Observe } from './authn-event.ts'
import { parseIntrospection } from './internal-answers.ts'

/**
 * Reads the entries that the core keeps in Redis; never writes. Redis is an aid: absent, slow, wrong or behind,
 * it is a miss, and the core is asked instead.
 */
export type RedisLookup = {
  /** @param knownPosition The feed's position; entries are believed only if Redis has come as far. */
  find(kind: CredentialKind, digest: string, knownPosition: number): Promise<Introspection | undefined>
  close(): void
}

export type RedisLookupLimits = { commandMs: number; pauseMs: number; maxPauseMs: number }

export const DEFAULT_REDIS_LIMITS: RedisLookupLimits = { commandMs: 150, pauseMs: 1_000, maxPauseMs: 10_000 }

/** In no entry of another kind: there it would stand inside a text, its quotes escaped. */
const WITHHELD = '"withheld":true'

type Parts = {
  url: string
  clock: () => number
  log: Logger
  observe: Observe
  limits?: RedisLookupLimits | undefined
}

export function createRedisLookup({ url, clock, log, observe, ...parts }: Parts): RedisLookup {
  const limits = parts.limits ?? DEFAULT_REDIS_LIMITS
  const redis = openRedis(url, {
    protocol: 2,
    disableClientInfo: true,
    connectTimeout: 1_000,
    commandTimeout: limits.commandMs,
    // A peer that vanished without a word would keep the connection for a quarter of an hour.
    socketTimeout: 1_000,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(5_000, 100 * 2 ** attempt) * (0.5 + Math.random() / 2),
  })
  let failures = 0
  let pausedUntilMs = 0
  let reported = false
  // Only the message: a reply error carries its command, and AUTH is one.
  redis.on('error', (error: Error) => reportDown(error.message))
  redis.on('ready', () => {
    if (reported) log.info({ event: 'redis-available' }, 'Redis is back')
    reported = false
  })

  function reportDown(reason: string): void {
    if (!reported) log.warn({ event: 'redis-unavailable', reason }, 'credentials are looked up without Redis')
    reported = true
  }

  async function read(kind: CredentialKind, digest: string): Promise<(string | null)[] | undefined> {
    const now = clock()
    if (redis.status !== 'ready' || now < pausedUntilMs) {
      observe('redis-skipped')
      return undefined
    }
    const failuresBefore = failures
    // After a failure one probe at a time; the others go straight to the core.
    if (failures > 0) pausedUntilMs = now + limits.pauseMs
    try {
      // One command, one instant: an entry is never older than the position read beside it.
      const texts = await redis.mget(REDIS_POSITION_KEY, redisCredentialKey(kind, digest))
      if (failures === failuresBefore) failures = pausedUntilMs = 0
      return texts
    } catch (error) {
      observe('redis-failed')
      // Many that fail together are one failure.
      if (failures === failuresBefore) fail(error)
      return undefined
    }
  }

  function fail(error: unknown): void {
    failures += 1
    pausedUntilMs = clock() + Math.min(limits.maxPauseMs, limits.pauseMs * 2 ** Math.min(failures - 1, 16))
    reportDown(error instanceof Error ? error.message : 'failed')
  }

  return {
    async find(kind, digest, knownPosition) {
      const texts = await read(kind, digest)
      if (texts === undefined) return undefined
      const [positionText, entryText] = texts
      if (typeof entryText !== 'string') {
        observe('redis-miss')
        return undefined
      }
      const position = parsePosition(positionText)
      if (position === undefined || position < knownPosition) {
        observe('redis-behind')
        return undefined
      }
      if (entryText.includes(WITHHELD)) {
        observe('redis-withheld')
        return undefined
      }
      const entry = parseEntry(entryText, kind)
      observe(entry === undefined ? 'redis-malformed' : 'redis-hit')
      // Every change up to Redis' position has been applied to the entry: it is true there too.
      return entry && { ...entry, position: Math.max(entry.position, position) }
    },
    close: () => redis.disconnect(),
  }
}

function parsePosition(text: string | null | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function parseEntry(text: string, kind: CredentialKind): Introspection | undefined {
  try {
    return parseIntrospection(JSON.parse(text), kind)
  } catch {
    return undefined
  }
}
