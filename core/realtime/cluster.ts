import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Logger } from 'pino'
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
 * One channel of plain pub/sub rather than Socket.IO's Redis adapter: every core then does its own chunking, a
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
  const publisher = new Redis(redisUrl, { ...options, socketTimeout: SILENCE_LIMIT_MS })
  const subscriber = new Redis(redisUrl, options)
  let inFlight = 0
  let linked = false

  let reported = false
  const onTrouble = (err: Error) => {
    if (!reported) log.warn({ err, reason: 'REDIS_UNAVAILABLE' }, 'the other cores cannot be told')
    reported = true
  }
  publisher.on('error', onTrouble)
  publisher.on('ready', () => {
    reported = false
  })
  subscriber.on('error', onTrouble)
  subscriber.on('close', () => {
    linked = false
  })
  subscriber.on('ready', () => {
    subscriber.subscribe(CHANNEL).then(() => {
      linked = true
      log.info('linked to the other cores')
      onLinked()
    }, onTrouble)
  })
  subscriber.on('message', (_channel: string, text: string) => {
    try {
      const { from, broadcast } = JSON.parse(text) as { from: string; broadcast: Broadcast }
      if (from !== origin) receive(broadcast)
    } catch (err) {
      log.error({ err, reason: 'UNREADABLE_BROADCAST' }, 'another core said something unreadable')
    }
  })

  return {
    tell(broadcast) {
      if (publisher.status !== 'ready' || inFlight >= MAX_IN_FLIGHT) return
      inFlight += 1
      publisher.publish(CHANNEL, JSON.stringify({ from: origin, broadcast })).then(
        () => {
          inFlight -= 1
        },
        (err: Error) => {
          inFlight -= 1
          onTrouble(err)
        },
      )
    },
    linked: () => linked,
    close() {
      linked = false
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}
