import { createHash, randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { createRedisChannels } from '#contract/redis-channels.ts'
import { parseRedisUrl } from '#contract/redis-url.ts'
import type { Announcement } from './delivery.ts'
import type { Movement } from './membership.ts'

export type Broadcast = ({ announcement: Announcement } | { movement: Movement }) & {
  /** Of an event that the outbox holds too (`followUpKey`). */
  key?: string | undefined
}

/** What the cores tell each other: hints, at most once. The truth is in the database. */
export type Cluster = {
  /** Never throws and never waits; with Redis away or stalled the hint is lost. */
  tell(broadcast: Broadcast): void
  /** Whether this core hears the others. */
  linked(): boolean
  close(): void
}

const CHANNEL = 'im:realtime'
/** Of a cluster, so that its shards share the work. Every core must know the same number. */
const CLUSTER_CHANNELS = 16
/** Beyond this Redis is stalled, and hints would only fill the memory. */
const MAX_IN_FLIGHT = 5_000
const MAX_RETRY_DELAY_MS = 2_000
/** A connection on which an answer is this late is given up and opened again. */
const SILENCE_LIMIT_MS = 10_000

type Parts = {
  redisUrl: string
  log: Logger
  receive: (broadcast: Broadcast) => void
  /** Called whenever this core begins to hear the others (again): it may have missed some. */
  onLinked: () => void
}

/**
 * Plain pub/sub (in a cluster sharded) rather than Socket.IO's Redis adapter: every core then does its own chunking, a
 * membership moves by the same code wherever it changed, and no publish is left without a catch.
 */
export function createCluster({ redisUrl, log, receive, onLinked }: Parts): Cluster {
  const origin = randomUUID()
  const options = {
    retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 10), MAX_RETRY_DELAY_MS),
    enableOfflineQueue: false,
    maxRetriesPerRequest: null,
    autoResubscribe: false,
    keepAlive: SILENCE_LIMIT_MS,
  }
  const names = channelsOf(redisUrl)
  let inFlight = 0

  let reported = false
  const onTrouble = (err: Error) => {
    if (!reported) log.warn({ err, reason: 'REDIS_UNAVAILABLE' }, 'the other cores cannot be told')
    reported = true
  }
  const channels = createRedisChannels({
    url: redisUrl,
    channels: names,
    publisher: { ...options, socketTimeout: SILENCE_LIMIT_MS },
    subscriber: options,
    onTrouble,
    onReady() {
      reported = false
    },
    onLinked() {
      log.info('linked to the other cores')
      onLinked()
    },
    onMessage(_channel, text) {
      try {
        const { from, broadcast } = JSON.parse(text) as { from: string; broadcast: Broadcast }
        if (from !== origin) receive(broadcast)
      } catch (err) {
        log.error({ err, reason: 'UNREADABLE_BROADCAST' }, 'another core said something unreadable')
      }
    },
  })

  return {
    tell(broadcast) {
      if (!channels.canPublish() || inFlight >= MAX_IN_FLIGHT) return
      inFlight += 1
      channels.publish(channelOf(broadcast, names), JSON.stringify({ from: origin, broadcast })).then(
        () => {
          inFlight -= 1
        },
        (err: Error) => {
          inFlight -= 1
          onTrouble(err)
        },
      )
    },
    linked: channels.isLinked,
    close: channels.close,
  }
}

function channelsOf(redisUrl: string): string[] {
  if (parseRedisUrl(redisUrl).kind === 'one') return [CHANNEL]
  return Array.from({ length: CLUSTER_CHANNELS }, (_, number) => `${CHANNEL}:${number}`)
}

/** What an app's sockets hear keeps its order: an app has one channel. */
function channelOf(broadcast: Broadcast, names: readonly string[]): string {
  if (names.length === 1) return CHANNEL
  const { app } = 'movement' in broadcast ? broadcast.movement : broadcast.announcement
  const number = createHash('sha256').update(app).digest().readUInt16BE() % names.length
  return names[number] ?? CHANNEL
}
