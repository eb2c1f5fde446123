/** So many users who talk for a while, and what that costs gateway and core. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Figures } from '../../deploy/im/load/drive.ts'
import { GAUGED } from '../../test/soak/gauge.ts'
import type { Scope } from '../../test/support/child-process.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { startRedis } from '../../test/support/redis.ts'
import { type Stack, startStack } from '../../test/support/stack.ts'
import { startGenerator } from './generator.ts'
import { cpuUsOf, type Memory, memoryOf, PARTS, type Part, type Services } from './holdings.ts'

export type CrowdOrder = {
  url: string
  clientKey: string
  platformKey: string
  users: number
  rate: number
  seconds: number
}

export type Cost = {
  /** Of one processor, while they talk. */
  cpuShare: number
  cpuUsPerSocketSecond: number
  /** Of what reached a socket. */
  cpuUsPerDelivery: number
  /** What a signed-in socket adds before anybody talks; of live heap, and of the process. */
  heapBytesPerSocket: number
  residentBytesPerSocket: number
}

export type Driven = Figures & {
  users: number
  rate: number
  seconds: number
  messagesPerSecond: number
  costs: Record<Part, Cost>
}

const READY_WITHIN_MS = 600_000

/** One gateway, one core, Redis, and a PostgreSQL that keeps what it says it keeps. */
export async function startLoadStack(scope: Scope): Promise<Stack> {
  const [redis, postgres] = await Promise.all([startRedis(scope), startPostgres(scope, { durable: true })])
  const shared = { ...GAUGED, REDIS_URL: redis.url, LOG_LEVEL: 'info' }
  return startStack(scope, {
    coreEnv: { ...shared, DATABASE_URL: postgres.url },
    gatewayEnv: shared,
  })
}

export async function drive(
  scope: Scope,
  { url, keys, gateways, cores }: Stack,
  { users, rate, seconds }: { users: number; rate: number; seconds: number },
): Promise<Driven> {
  const { clientKey, platformKey } = keys
  const order: CrowdOrder = { url, clientKey, platformKey, users, rate, seconds }
  const services: Services = { gateway: gateways, core: cores }
  const crowd = startGenerator(scope, 'crowd.ts', order)
  await crowd.hear('gathered', READY_WITHIN_MS)
  const without = await memoryOf(services)
  crowd.tell('connect')
  await crowd.hear('connected', READY_WITHIN_MS)
  const connected = await memoryOf(services)
  const before = cpuUsOf(services)
  const figuresOfCrowd = crowd.hear<Figures>('figures', seconds * 1_000 + 60_000)
  crowd.tell('talk')
  await delay(seconds * 1_000)
  const after = cpuUsOf(services)
  const figures = await figuresOfCrowd
  const costOf = (part: Part): Cost => {
    const usedUs = after[part] - before[part]
    const perSocket = (what: keyof Memory) => (connected[part][what] - without[part][what]) / users
    return {
      cpuShare: usedUs / (seconds * 1_000_000),
      cpuUsPerSocketSecond: usedUs / seconds / users,
      cpuUsPerDelivery: usedUs / figures.delivery.count,
      heapBytesPerSocket: perSocket('heapBytes'),
      residentBytesPerSocket: perSocket('residentBytes'),
    }
  }
  return {
    ...figures,
    users,
    rate,
    seconds,
    messagesPerSecond: figures.sent / seconds,
    costs: { gateway: costOf('gateway'), core: costOf('core') },
  }
}

export const isWithin = ({ send, delivery, refused, lost, socketsLost }: Driven, limitMs: number): boolean =>
  Math.max(send.p99Ms, delivery.p99Ms) <= limitMs &&
  Object.keys(refused).length === 0 &&
  lost === 0 &&
  socketsLost === 0

type Row = Record<string, string | number>

export const toRow = (one: Driven): Row => ({
  users: one.users,
  'messages/s': Number(one.messagesPerSecond.toFixed(1)),
  'send p50 ms': one.send.p50Ms,
  'send p99 ms': one.send.p99Ms,
  'delivery p50 ms': one.delivery.p50Ms,
  'delivery p99 ms': one.delivery.p99Ms,
  refused: Object.values(one.refused).reduce((sum, count) => sum + count, 0),
  lost: one.lost,
  'sockets lost': one.socketsLost,
})

export const toCostRows = ({ users, costs }: Driven): Row[] =>
  PARTS.map((part) => {
    const cost = costs[part]
    return {
      users,
      of: part,
      'processor %': Math.round(100 * cost.cpuShare),
      'µs CPU/socket/s': Math.round(cost.cpuUsPerSocketSecond),
      'µs CPU/delivery': Math.round(cost.cpuUsPerDelivery),
      'heap KiB/socket': Number((cost.heapBytesPerSocket / 1_024).toFixed(1)),
      'resident KiB/socket': Number((cost.residentBytesPerSocket / 1_024).toFixed(1)),
    }
  })
