/** Two gateways, two cores, Redis and PostgreSQL, with a network of the suite's own between any two of them. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Scope } from '../support/child-process.ts'
import { freePort } from '../support/free-port.ts'
import { startPostgres, type TestPostgres } from '../support/postgres.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import type { Environment, TestService } from '../support/service.ts'
import { type Stack, startStack } from '../support/stack.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

export type Node = {
  name: string
  running(): TestService
  /** On the same ports; tried again while what it needs is away, as a supervisor would. */
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
  redis: TestRedis
  postgres: TestPostgres
  links: Link[]
}

const PAIR = [0, 1] as const
const SHIFTED_CLOCK = join(import.meta.dirname, '../support/shifted-clock.ts')
const RESTART_WITHIN_MS = 90_000

export async function startChaosStand(t: Scope, webhookUrl: string): Promise<ChaosStand> {
  const [redis, postgres, stack] = await Promise.all([
    startRedis(t),
    startPostgres(t, { durable: true }),
    startStack(t, { gateways: 0, cores: 0 }),
  ])
  const links: Link[] = []
  const link = async (name: string, target: string): Promise<TcpProxy> => {
    const proxy = await startTcpProxy(t, target)
    links.push({ name, proxy })
    return proxy
  }
  const jwtSecret = randomBytes(32).toString('base64url')
  const cores: Promise<Node>[] = []
  const gateways: Promise<Gateway>[] = []
  const at = (port: number) => `http://127.0.0.1:${port}`

  const corePorts = []
  for (const index of PAIR) {
    const [port, internal, admin] = [await freePort(), await freePort(), await freePort()]
    corePorts.push({ port, internal })
    const database = new URL(postgres.url)
    database.port = `${(await link(`core ${index} - postgres`, postgres.url)).port}`
    const env: Environment = {
      CORE_PORT: `${port}`,
      CORE_INTERNAL_PORT: `${internal}`,
      CORE_ADMIN_PORT: `${admin}`,
      DATABASE_URL: database.href,
      REDIS_URL: (await link(`core ${index} - redis`, redis.url)).url,
      JWT_SECRET: jwtSecret,
      WEBHOOK: webhookUrl,
      LOG_LEVEL: 'info',
    }
    cores.push(startNode(`core ${index}`, () => stack.addCore(env)))
  }

  const directory = await mkdtemp(join(tmpdir(), 'imkit-chaos-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const entrances: string[] = []
  for (const index of PAIR) {
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
      REDIS_URL: (await link(`gateway ${index} - redis`, redis.url)).url,
      DRAIN_WINDOW_MS: '1000',
      LOG_LEVEL: 'info',
      NODE_OPTIONS: `--import ${SHIFTED_CLOCK}`,
      CLOCK_SHIFT_FILE: clockFile,
    }
    const starting = startNode(`gateway ${index}`, () => stack.addGateway(env))
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
    links,
  }
}

const withClock = (node: Node, file: string): Gateway => ({
  ...node,
  async shiftClock(byMs) {
    await writeFile(file, `${byMs}`)
    node.running().signal('SIGUSR2')
  },
})

async function startNode(name: string, start: () => Promise<TestService>): Promise<Node> {
  let service = await start()
  return {
    name,
    running: () => service,
    async restart() {
      const deadlineMs = Date.now() + RESTART_WITHIN_MS
      for (;;)
        try {
          service = await start()
          return
        } catch (error) {
          if (Date.now() > deadlineMs) throw error
          await new Promise((resolve) => setTimeout(resolve, 500))
        }
    },
  }
}
