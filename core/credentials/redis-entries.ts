/**
 * Keeps the credential entries in Redis that gateways read before they ask a core. Two writers meet there, the
 * answers to introspections and the change feed; each entry carries the position it was true at, and the older
 * never overwrites the newer. Every change leaves an entry, so that an answer that was under way while its
 * credential changed finds something newer and stays out. Only when all changes up to a position are applied
 * does `REDIS_POSITION_KEY` move there, and gateways believe entries no further than that.
 *
 * Redis is an aid: while it is away nothing waits or fails, and afterwards the position that it kept says from
 * where to catch up.
 */
import type { Logger } from 'pino'
import { credentialDigest } from '#contract/credential.ts'
import {
  type Introspection,
  type IntrospectionRequest,
  REDIS_POSITION_KEY,
  redisCredentialKey,
} from '#contract/internal.ts'
import { openRedis } from '#contract/redis.ts'
import { listKeys } from '../store/apps.ts'
import type { FeedChange } from '../store/credential-changes.ts'
import type { Database } from '../store/database.ts'
import type { ChangeFeed } from './change-feed.ts'
import type { Introspect } from './introspect.ts'

export type RedisEntries = {
  /** Offers an answer; returns at once. */
  offer(request: IntrospectionRequest, answer: Introspection): void
  /** Resolves once Redis has every change that the feed has now; rejects if it cannot just now. */
  caughtUp(): Promise<void>
  close(): Promise<void>
}

const LIVE_TTL_MS = 600_000
/** Far longer than an answer can be under way. */
const REFUSED_TTL_MS = 30_000
const COMMAND_TIMEOUT_MS = 500
/** After this no write that began earlier can still arrive. */
const SETTLE_MS = 2 * COMMAND_TIMEOUT_MS
const CHECK_MS = 1_000
const AT_ONCE = 32

const DEFAULT_APP: IntrospectionRequest = {
  kind: 'default-app',
  digest: credentialDigest('default-app', '', ''),
}

const WRITE_ENTRY = `
  local held = redis.call('GET', KEYS[1])
  if held then
    local ok, entry = pcall(cjson.decode, held)
    if ok and type(entry) == 'table' and (tonumber(entry.position) or -1) > tonumber(ARGV[1]) then return 0 end
  end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1`

/** Moves forward only; a position that is gone is not made up again, it says that Redis lost data. */
const ADVANCE = `
  local held = redis.call('GET', KEYS[1])
  if not held then return 0 end
  if tonumber(held) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
  return 1`

/** A script, because it runs at the shard that has these keys; SCAN alone runs at any. */
const REMOVE_SOME = `
  local found = redis.call('SCAN', ARGV[1], 'MATCH', KEYS[1] .. '*', 'COUNT', 1000)
  for _, key in ipairs(found[2]) do redis.call('UNLINK', key) end
  return found[1]`
const CREDENTIAL_KEYS = 'im:credential:'

type Parts = {
  url: string
  db: Database
  feed: ChangeFeed
  introspect: Introspect
  clock: () => number
  log: Logger
}

export function createRedisEntries({ url, db, feed, introspect, clock, log }: Parts): RedisEntries {
  const redis = openRedis(url, {
    protocol: 2,
    disableClientInfo: true,
    connectTimeout: 1_000,
    commandTimeout: COMMAND_TIMEOUT_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(2_000, 100 * 2 ** attempt) * (0.5 + Math.random() / 2),
  })
  let running: Promise<void> | undefined
  let again = false
  let behind = false
  let closed = false

  // Only the message: a reply error carries its command, and AUTH is one.
  redis.on('error', (error: Error) => reportBehind(error.message))
  redis.on('ready', start)
  const unsubscribe = feed.subscribe(start)
  const checking = setInterval(start, CHECK_MS)
  checking.unref()

  function reportBehind(reason: string): void {
    if (!behind && !closed)
      log.warn({ event: 'redis-behind', reason }, 'Redis does not get the credential changes')
    behind = true
  }

  function start(): void {
    if (closed || redis.status !== 'ready') return
    catchUp().catch((error: unknown) => reportBehind(error instanceof Error ? error.message : 'failed'))
  }

  /** One run at a time; asked for during one, another follows. */
  function catchUp(): Promise<void> {
    if (running !== undefined) {
      again = true
      return running
    }
    running = run().finally(() => {
      running = undefined
    })
    return running
  }

  async function run(): Promise<void> {
    do {
      again = false
      await follow()
    } while (again && !closed)
    if (behind) log.info({ event: 'redis-current' }, 'Redis has the credential changes again')
    behind = false
  }

  async function follow(): Promise<void> {
    for (;;) {
      const position = parsePosition(await redis.get(REDIS_POSITION_KEY))
      const known = position === undefined ? undefined : await feed.read(position)
      if (position === undefined || known?.changes === undefined) await startAnew()
      else if (known.changes.length === 0) return
      else {
        await apply(known.changes)
        await redis.eval(ADVANCE, 1, REDIS_POSITION_KEY, position + known.changes.length)
      }
    }
  }

  /**
   * The entries are of no known position: they go. What was read before the start has arrived and goes with
   * them when the wait is over; what is read later is of the new position, or later.
   */
  async function startAnew(): Promise<void> {
    log.warn(
      { event: 'redis-flushed' },
      'the credential entries in Redis are of an unknown age and are removed',
    )
    await redis.del(REDIS_POSITION_KEY)
    const position = feed.position()
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    let cursor = '0'
    do cursor = String(await redis.eval(REMOVE_SOME, 1, CREDENTIAL_KEYS, cursor))
    while (cursor !== '0')
    await redis.set(REDIS_POSITION_KEY, position, 'NX')
  }

  async function apply(changes: FeedChange[]): Promise<void> {
    const requests = new Map<string, IntrospectionRequest>()
    for (const change of changes)
      for (const request of await concerned(change)) requests.set(request.digest, request)
    const all = [...requests.values()]
    for (let i = 0; i < all.length; i += AT_ONCE) await Promise.all(all.slice(i, i + AT_ONCE).map(refresh))
  }

  /** A user's change concerns no entry of its own: each of its tokens has a change beside it. */
  async function concerned(change: FeedChange): Promise<IntrospectionRequest[]> {
    if (change.subject === 'user') return []
    if (change.subject === 'credential') return [{ kind: change.credentialKind, digest: change.credentialId }]
    const ofKind = async (kind: 'platform-key' | 'client-key') =>
      (await listKeys(db, kind, change.app)).map(({ digest }): IntrospectionRequest => ({ kind, digest }))
    return [DEFAULT_APP, ...(await ofKind('platform-key')), ...(await ofKind('client-key'))]
  }

  async function refresh(request: IntrospectionRequest): Promise<void> {
    await write(request, await introspect(request))
  }

  async function write({ kind, digest }: IntrospectionRequest, answer: Introspection): Promise<void> {
    const expiresAtMs = answer.active ? (answer.grant.expiresAtMs ?? Infinity) : Infinity
    const ttlMs = Math.min(answer.active ? LIVE_TTL_MS : REFUSED_TTL_MS, expiresAtMs - clock())
    if (ttlMs < 1) return
    const key = redisCredentialKey(kind, digest)
    await redis.eval(WRITE_ENTRY, 1, key, answer.position, entryText(answer), Math.floor(ttlMs))
  }

  return {
    offer(request, answer) {
      if (closed || redis.status !== 'ready') return
      if (request.kind === 'default-app' && request.digest !== DEFAULT_APP.digest) return
      write(request, answer).catch((error: unknown) =>
        reportBehind(error instanceof Error ? error.message : 'failed'),
      )
    },
    caughtUp: catchUp,
    async close() {
      closed = true
      clearInterval(checking)
      unsubscribe()
      redis.disconnect()
      await running?.catch(() => {})
    },
  }
}

/** Secrets stay out of Redis; that there are some stands in for the answer, so that no older one passes for it. */
function entryText(answer: Introspection): string {
  const hasSecrets =
    answer.active && 'settings' in answer.grant && answer.grant.settings.authentication !== undefined
  return JSON.stringify(hasSecrets ? { position: answer.position, withheld: true } : answer)
}

function parsePosition(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
