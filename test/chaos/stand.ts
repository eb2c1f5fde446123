/**
 * What runs: two gateways, two cores, Redis and PostgreSQL; or one of each over the embedded database, on a small disk.
 * Between any two is a network of the suite's own.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from '../support/child-process.ts'
import { freePort } from '../support/free-port.ts'
import { startPostgres, type TestPostgres } from '../support/postgres.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import type { Environment, TestService } from '../support/service.ts'
import { type SmallDisk, startSmallDisk } from '../support/small-disk.ts'
import { type Stack, startStack } from '../support/stack.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { wait } from './caller.ts'

export type Node = {
  name: string
  /** Nothing where it has ended. */
  signal(name: NodeJS.Signals): void
  /** Resolves when it has ended. */
  stop(by: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Where it has ended: on the same ports, and tried again while what it needs is away, as a supervisor would. */
  restart(): Promise<void>
}

export type Gateway = Node & {
  /** Its wall clock steps, and is off by so much from now on. */
  shiftClock(byMs: number): Promise<void>
}

export type Link = { name: string; proxy: TcpProxy }

export type ChaosStand = {
  stack: Stack
  /** Where clients and customers' servers come in. */
  entrances: string[]
  gateways: Gateway[]
  cores: Node[]
  redis: TestRedis | undefined
  postgres: TestPostgres | undefined
  /** The embedded database's. */
  disk: SmallDisk | undefined
  links: Link[]
  /** The names of those that failed, each time; they were started again. */
  failed: readonly string[]
}

export const DATABASES = ['postgres', 'embedded'] as const
export type ChaosDatabase = (typeof DATABASES)[number]

/** What is written in an hour has room. */
const DISK_BYTES = 1_024 * 1_048_576
const SHIFTED_CLOCK = join(import.meta.dirname, '../support/shifted-clock.ts')
const RESTART_WITHIN_MS = 90_000
/** The exit code of who gives up; 0 and those of signals were asked for. */
const FAILED = 1

export async function startChaosStand(
  t: Scope,
  webhookUrl: string,
  database: ChaosDatabase,
): Promise<ChaosStand> {
  const { indices, redis, postgres, disk } = await startParts(t, database)
  const stack = await startStack(t, { gateways: 0, cores: 0, ...(disk && { coreWords: disk.words }) })
  const links: Link[] = []
  const failed: string[] = []
  const link = async (name: string, target: string): Promise<TcpProxy> => {
    const proxy = await startTcpProxy(t, target)
    links.push({ name, proxy })
    return proxy
  }
  const linkToPostgres = async (name: string, target: string): Promise<string> => {
    const url = new URL(target)
    url.port = `${(await link(`${name} - postgres`, target)).port}`
    return url.href
  }
  const jwtSecret = randomBytes(32).toString('base64url')
  const cores: Promise<Node>[] = []
  const gateways: Promise<Gateway>[] = []
  const at = (port: number) => `http://127.0.0.1:${port}`

  const corePorts = []
  for (const index of indices) {
    const [port, internal, admin] = [await freePort(), await freePort(), await freePort()]
    corePorts.push({ port, internal })
    const name = `core ${index}`
    const env: Environment = {
      CORE_PORT: `${port}`,
      CORE_INTERNAL_PORT: `${internal}`,
      CORE_ADMIN_PORT: `${admin}`,
      ...(disk && { DATABASE_URL: `pglite:${join(disk.directory, 'data')}` }),
      ...(postgres && { DATABASE_URL: await linkToPostgres(name, postgres.url) }),
      ...(redis && { REDIS_URL: (await link(`${name} - redis`, redis.url)).url }),
      JWT_SECRET: jwtSecret,
      WEBHOOK: `${(await link(`${name} - webhooks`, webhookUrl)).url}/`,
      LOG_LEVEL: 'info',
    }
    cores.push(startNode(name, () => stack.addCore(env), failed))
  }

  const directory = await mkdtemp(join(tmpdir(), 'imkit-chaos-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const entrances: string[] = []
  for (const index of indices) {
    const [port, admin] = [await freePort(), await freePort()]
    const toCores = []
    for (const [core, { port }] of corePorts.entries())
      toCores.push((await link(`gateway ${index} - core ${core}`, at(port))).url)
    const internal = at(corePorts[index]?.internal ?? 0)
    const clockFile = join(directory, `clock-${index}`)
    const env: Environment = {
      GATEWAY_PORT: `${port}`,
      GATEWAY_ADMIN_PORT: `${admin}`,
      CORE_URLS: toCores.join(','),
      CORE_INTERNAL_URL: (await link(`gateway ${index} - core ${index}, credentials`, internal)).url,
      ...(redis && { REDIS_URL: (await link(`gateway ${index} - redis`, redis.url)).url }),
      DRAIN_WINDOW_MS: '1000',
      LOG_LEVEL: 'info',
      NODE_OPTIONS: `--import ${SHIFTED_CLOCK}`,
      CLOCK_SHIFT_FILE: clockFile,
    }
    const starting = startNode(`gateway ${index}`, () => stack.addGateway(env), failed)
    gateways.push(starting.then((node) => withClock(node, clockFile)))
    entrances.push((await link(`clients - gateway ${index}`, at(port))).url)
  }
  return {
    stack,
    entrances,
    gateways: await Promise.all(gateways),
    cores: await Promise.all(cores),
    redis,
    postgres,
    disk,
    links,
    failed,
  }
}

type Parts = Pick<ChaosStand, 'redis' | 'postgres' | 'disk'> & { indices: readonly number[] }

async function startParts(t: Scope, database: ChaosDatabase): Promise<Parts> {
  if (database === 'embedded') {
    const disk = await startSmallDisk(t, DISK_BYTES)
    return { indices: [0], redis: undefined, postgres: undefined, disk }
  }
  const [redis, postgres] = await Promise.all([startRedis(t), startPostgres(t, { durable: true })])
  return { indices: [0, 1], redis, postgres, disk: undefined }
}

const withClock = (node: Node, file: string): Gateway => ({
  ...node,
  async shiftClock(byMs) {
    await writeFile(file, `${byMs}`)
    node.signal('SIGUSR2')
  },
})

async function startNode(name: string, start: () => Promise<TestService>, failed: string[]): Promise<Node> {
  let service: TestService
  let isThere = false
  let restarting: Promise<void> | undefined
  async function run(): Promise<void> {
    service = await start()
    isThere = true
    void service.ended.then((code) => {
      isThere = false
      if (code !== FAILED) return
      failed.push(name)
      void restart()
    })
  }
  async function insist(): Promise<void> {
    const deadlineMs = Date.now() + RESTART_WITHIN_MS
    for (;;)
      try {
        return await run()
      } catch (error) {
        if (Date.now() > deadlineMs) throw error
        await wait(500)
      }
  }
  async function restart(): Promise<void> {
    if (isThere) return
    restarting ??= insist().finally(() => {
      restarting = undefined
    })
    await restarting
  }
  const signal = (by: NodeJS.Signals): void => {
    if (isThere) service.signal(by)
  }
  await run()
  return {
    name,
    signal,
    async stop(by) {
      if (by === 'SIGTERM') return service.stop()
      signal(by)
      await service.ended
    },
    restart,
  }
}
