/** A core is killed under ten thousand sockets, and all of them come to the other one at once. */
import { execFileSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { GAUGED } from '../../test/soak/gauge.ts'
import type { Scope } from '../../test/support/child-process.ts'
import { eventually } from '../../test/support/eventually.ts'
import { freePort } from '../../test/support/free-port.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { startRedis } from '../../test/support/redis.ts'
import type { TestService } from '../../test/support/service.ts'
import { startStack } from '../../test/support/stack.ts'
import { startGenerator } from './generator.ts'
import { cpuUsOf, memoryOf, type Part, type Services } from './holdings.ts'

export type HerdOrder = { url: string; clientKey: string; tokens: readonly string[]; patienceMs: number }
export type HerdFigures = {
  dropped: number
  away: number
  backAfterMs: number[]
  errors: Record<string, number>
}

export type StormFigures = {
  sockets: number
  /** Of one socket that is connected and quiet. */
  perSocket: Record<Part, { residentBytes: number; heapBytes: number; cpuUsPerSecond: number }>
  dropped: number
  away: number
  back: { p50Ms: number; p99Ms: number; lastMs: number }
  /** What its return takes of a processor, failed attempts included. */
  cpuUsPerReturn: Record<Part, number>
  errors: Record<string, number>
  /** Transactions of the cores beyond those at rest, and questions of the gateways for credentials. */
  store: { transactions: number; transactionsPerSocket: number; introspections: number }
}

const ROOM_SIZE = 10
const AT_ONCE = 20
const IDLE_MS = 20_000
const PATIENCE_MS = 180_000
/** What the backends have counted reaches the view when they are idle for a second. */
const STATISTICS_DELAY_MS = 2_000
/** A gateway has two for each socket. */
const SPARE_DESCRIPTORS = 500

export async function storm(
  scope: Scope,
  { sockets, users, tell }: { sockets: number; users: number; tell: (line: string) => void },
): Promise<StormFigures> {
  const descriptors = Number(execFileSync('/bin/sh', ['-c', 'ulimit -n']).toString())
  if (sockets + SPARE_DESCRIPTORS > descriptors)
    throw new Error(`${sockets} sockets need ${sockets + SPARE_DESCRIPTORS} descriptors: ulimit -n`)
  const [redis, postgres] = await Promise.all([startRedis(scope), startPostgres(scope, { durable: true })])
  const shared = { ...GAUGED, REDIS_URL: redis.url, LOG_LEVEL: 'info' }
  const stack = await startStack(scope, {
    gateways: 0,
    cores: 0,
    coreEnv: { ...shared, DATABASE_URL: postgres.url, JWT_SECRET: 'x'.repeat(43) },
    gatewayEnv: shared,
  })
  // Lookups and the feed are a third core's, which takes no sockets: they go on whichever of the others is away.
  const keeper = await stack.addCore()
  const first = await stack.addCore()
  const otherPort = await freePort()
  const env = {
    CORE_URLS: `${first.url},http://127.0.0.1:${otherPort}`,
    CORE_INTERNAL_URL: keeper.internalUrl,
  }
  const gateways = [await stack.addGateway(env), await stack.addGateway(env)]
  tell(`${users} users`)
  const platform = stack.client({ 'IM-API-KEY': stack.keys.platformKey }, gateways[0]!.url)
  const names = Array.from({ length: users }, (_, n) => `user-${n}`)
  await inTurns(names, (_id) => platform.ok('POST', '/admin/clients', { _id, token: `token-of-${_id}` }))
  const rooms = names.filter((_, n) => n % ROOM_SIZE === 0)
  await inTurns(rooms, (id) => {
    const from = names.indexOf(id)
    return platform.ok('POST', '/rooms', { _id: `room-${id}`, members: names.slice(from, from + ROOM_SIZE) })
  })

  // All on the first core: the second is not there yet.
  await eventually('the gateways have noticed', () => healthyCores(gateways, 1), 60_000)
  const held: Services = { gateway: gateways, core: [first] }
  const before = await memoryOf(held)
  const { clientKey } = stack.keys
  const herds = gateways.map(({ url }, half) => {
    const tokens = Array.from({ length: sockets / 2 }, (_, n) => `token-of-user-${(2 * n + half) % users}`)
    return startGenerator(scope, 'herd.ts', { url, clientKey, tokens, patienceMs: PATIENCE_MS })
  })
  await Promise.all(herds.map((herd) => herd.hear('ready', 600_000)))
  tell(`${sockets} sockets`)
  const after = await memoryOf(held)
  const cpuBefore = cpuUsOf(held)
  await delay(IDLE_MS)
  const cpuAfter = cpuUsOf(held)
  const per = (name: Part) => ({
    residentBytes: Math.round((after[name].residentBytes - before[name].residentBytes) / sockets),
    heapBytes: Math.round((after[name].heapBytes - before[name].heapBytes) / sockets),
    cpuUsPerSecond: Number(((cpuAfter[name] - cpuBefore[name]) / (IDLE_MS / 1_000) / sockets).toFixed(1)),
  })

  const other = await stack.addCore({ CORE_PORT: `${otherPort}` })
  const meeting: Services = { gateway: gateways, core: [other] }
  await eventually('the gateways have noticed', () => healthyCores(gateways, 2), 60_000)
  const database = new pg.Client({ connectionString: postgres.url })
  await database.connect()
  scope.teardown(() => database.end())
  const transactionsAtFirst = await transactionsOf(database)
  const struckAtMs = performance.now()
  const introspectionsAtFirst = await introspectionsOf(keeper)
  const idleUs = cpuUsOf(meeting)
  tell('a core is killed')
  for (const herd of herds) herd.tell('mark')
  first.signal('SIGKILL')
  const heard = await Promise.all(
    herds.map((herd) => herd.hear<HerdFigures>('figures', PATIENCE_MS + 60_000)),
  )
  const busyUs = cpuUsOf(meeting)
  const introspections = (await introspectionsOf(keeper)) - introspectionsAtFirst
  const transactionsAtLast = await transactionsOf(database)
  const tookMs = performance.now() - struckAtMs
  // The cores that are left have work of their own: as much as they do now that all is quiet.
  await delay(IDLE_MS)
  const atRest = (await transactionsOf(database)) - transactionsAtLast
  const transactions = Math.round(
    transactionsAtLast - transactionsAtFirst - (atRest / (IDLE_MS + STATISTICS_DELAY_MS)) * tookMs,
  )

  const times = heard.flatMap(({ backAfterMs }) => backAfterMs).sort((one, other) => one - other)
  const at = (share: number) => Math.round(times[Math.floor((times.length - 1) * share)] ?? Number.NaN)
  const errors: Record<string, number> = {}
  for (const herd of heard)
    for (const [name, count] of Object.entries(herd.errors)) errors[name] = (errors[name] ?? 0) + count
  const sum = (key: 'dropped' | 'away') => heard.reduce((total, one) => total + one[key], 0)
  return {
    sockets,
    perSocket: { gateway: per('gateway'), core: per('core') },
    dropped: sum('dropped'),
    away: sum('away'),
    back: { p50Ms: at(0.5), p99Ms: at(0.99), lastMs: at(1) },
    cpuUsPerReturn: {
      gateway: Math.round((busyUs.gateway - idleUs.gateway) / sockets),
      core: Math.round((busyUs.core - idleUs.core) / sockets),
    },
    errors,
    store: {
      transactions,
      transactionsPerSocket: Number((transactions / sockets).toFixed(2)),
      introspections,
    },
  }
}

async function inTurns<T>(items: readonly T[], each: (item: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += AT_ONCE)
    await Promise.all(items.slice(from, from + AT_ONCE).map(each))
}

const metricsOf = async ({ adminUrl }: TestService): Promise<string> =>
  (await fetch(`${adminUrl}/metrics`)).text()

async function healthyCores(gateways: readonly TestService[], count: number): Promise<boolean> {
  const texts = await Promise.all(gateways.map(metricsOf))
  return texts.every((text) => (text.match(/^gateway_upstream_healthy\{.*\} 1$/gm) ?? []).length === count)
}

async function introspectionsOf(core: TestService): Promise<number> {
  const lines = (await metricsOf(core)).matchAll(/^core_introspections_total\{.*\} (\d+)$/gm)
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0)
}

async function transactionsOf(database: pg.Client): Promise<number> {
  await delay(STATISTICS_DELAY_MS)
  await database.query('SELECT pg_stat_clear_snapshot()')
  const { rows } = await database.query(
    'SELECT xact_commit + xact_rollback AS count FROM pg_stat_database WHERE datname = current_database()',
  )
  return Number(rows[0].count)
}
