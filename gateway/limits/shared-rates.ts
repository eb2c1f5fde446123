import { randomBytes } from 'node:crypto'
import type { Logger } from 'pino'
import { createRedisChannels } from '#contract/redis-channels.ts'
import type { RateLimits, RateName } from './rate-limits.ts'

/** Where gateways tell each other what they counted. */
const CHANNEL = 'im:rates'
const TELL_EVERY_MS = 1_000
/** What one message may say: more than any gateway counts in a second, and no more than is quickly read. */
const MAX_ENTRIES = 10_000
const MAX_TAKES = 1_000_000
const MAX_KEY_LENGTH = 128

export type SharedRates = {
  /** Tells the others now; called by itself every second. */
  tell(): void
  close(): void
}

export type SharedRatesParts = { url: string; limits: RateLimits; log: Logger }

type Told = { from: string; takes: [name: string, key: string, count: number][] }

/**
 * Rate limits of all gateways together: each tells the others once a second what it counted, and adds what they tell
 * to its own windows. No request ever waits for it. A message lost is a limit exceeded by so much; without Redis each
 * gateway counts for itself.
 */
export function createSharedRates({ url, limits, log }: SharedRatesParts): SharedRates {
  const from = randomBytes(9).toString('base64url')
  const options = {
    protocol: 2,
    disableClientInfo: true,
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt: number) => Math.min(10_000, 200 * 2 ** attempt) * (0.5 + Math.random() / 2),
  } as const
  let isReported = false

  function reportDown(error: Error): void {
    // Only the message: a reply error carries its command, and AUTH is one.
    if (!isReported) log.warn({ event: 'rates-not-shared', reason: error.message }, 'rate limits are local')
    isReported = true
  }

  const channels = createRedisChannels({
    url,
    channels: [CHANNEL],
    publisher: { ...options, commandTimeout: 1_000 },
    subscriber: { ...options, autoResubscribe: false },
    onTrouble: reportDown,
    onLinked() {
      if (isReported) log.info({ event: 'rates-shared' }, 'rate limits are shared again')
      isReported = false
    },
    onMessage(_channel, text) {
      const told = parseTold(text)
      if (told === undefined || told.from === from) return
      for (const [name, key, count] of told.takes) limits.byName.get(name as RateName)?.charge(key, count)
    },
  })

  function tell(): void {
    const takes: Told['takes'] = []
    for (const [name, limit] of limits.byName)
      for (const [key, count] of limit.untold())
        if (takes.length < MAX_ENTRIES) takes.push([name, key, count])
    if (takes.length === 0 || !channels.canPublish()) return
    channels.publish(CHANNEL, JSON.stringify({ from, takes } satisfies Told)).catch(reportDown)
  }

  const timer = setInterval(tell, TELL_EVERY_MS).unref()
  return {
    tell,
    close() {
      clearInterval(timer)
      channels.close()
    },
  }
}

function parseTold(text: string): Told | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null || !('from' in parsed) || !('takes' in parsed))
    return undefined
  const { from, takes } = parsed
  if (typeof from !== 'string' || !Array.isArray(takes) || takes.length > MAX_ENTRIES) return undefined
  return { from, takes: takes.filter(isTake) }
}

function isTake(entry: unknown): entry is Told['takes'][number] {
  if (!Array.isArray(entry) || entry.length !== 3) return false
  const [name, key, count] = entry
  const isKey = typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_LENGTH
  return typeof name === 'string' && isKey && Number.isSafeInteger(count) && count > 0 && count <= MAX_TAKES
}
