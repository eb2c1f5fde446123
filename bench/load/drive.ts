/** So many users who talk for a while, and what that costs gateway and core. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Quantiles } from '../../deploy/im/load/measure.ts'
import type { Scope } from '../../test/support/child-process.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { startRedis } from '../../test/support/redis.ts'
import { type Stack, startStack } from '../../test/support/stack.ts'
import { usageOf } from '../usage.ts'
import { startGenerator } from './generator.ts'

export type CrowdOrder = {
  url: string
  clientKey: string
  platformKey: string
  users: number
  rate: number
  seconds: number
}

type Heard = {
  sent: number
  refused: Record<string, number>
  send: Quantiles
  delivery: Quantiles
  lost: number
  socketsLost: number
}

/** `cpu`: of one processor. `cpuUsPerDelivery`: of what reached a socket. */
export type Cost = { cpu: number; cpuUsPerDelivery: number; residentMiB: number }

export type Driven = Heard & {
  users: number
  rate: number
  seconds: number
  messagesPerSecond: number
  gateway: Cost
  core: Cost
}

const READY_WITHIN_MS = 600_000

/** One gateway, one core, Redis, and a PostgreSQL that keeps what it says it keeps. */
export async function startLoadStack(scope: Scope): Promise<Stack> {
  const [redis, postgres] = await Promise.all([startRedis(scope), startPostgres(scope, { durable: true })])
  const shared = { REDIS_URL: redis.url, LOG_LEVEL: 'info' }
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
  const crowd = startGenerator(scope, 'crowd.ts', order)
  await crowd.hear('ready', READY_WITHIN_MS)
  const usage = () => [gateways[0]!, cores[0]!].map(({ pid }) => usageOf([pid]))
  const before = usage()
  crowd.tell('go')
  await delay(seconds * 1_000)
  const after = usage()
  const heard = await crowd.hear<Heard>('figures', 60_000)
  const [gateway, core] = after.map(({ cpuUs, residentBytes }, index): Cost => {
    const usedUs = cpuUs - (before[index]?.cpuUs ?? 0)
    return {
      cpu: usedUs / (seconds * 1_000_000),
      cpuUsPerDelivery: usedUs / heard.delivery.count,
      residentMiB: residentBytes / 1_048_576,
    }
  })
  return {
    ...heard,
    users,
    rate,
    seconds,
    messagesPerSecond: heard.sent / seconds,
    gateway: gateway!,
    core: core!,
  }
}

export const isWithin = ({ send, delivery, refused, lost, socketsLost }: Driven, limitMs: number): boolean =>
  Math.max(send.p99Ms, delivery.p99Ms) <= limitMs &&
  Object.keys(refused).length === 0 &&
  lost === 0 &&
  socketsLost === 0

export function toRow(one: Driven): Record<string, string | number> {
  const cost = ({ cpu, cpuUsPerDelivery, residentMiB }: Cost) =>
    `${(100 * cpu).toFixed(0)} %, ${cpuUsPerDelivery.toFixed(0)} µs, ${residentMiB.toFixed(0)} MiB`
  return {
    users: one.users,
    'messages/s': Number(one.messagesPerSecond.toFixed(1)),
    'send p50 ms': one.send.p50Ms,
    'send p99 ms': one.send.p99Ms,
    'delivery p50 ms': one.delivery.p50Ms,
    'delivery p99 ms': one.delivery.p99Ms,
    refused: Object.values(one.refused).reduce((sum, count) => sum + count, 0),
    lost: one.lost,
    gateway: cost(one.gateway),
    core: cost(one.core),
  }
}
