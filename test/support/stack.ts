import { randomBytes } from 'node:crypto'
import { type ApiClient, createApiClient } from './api-client.ts'
import type { Scope } from './child-process.ts'
import { startPostgres, type TestPostgres } from './postgres.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { type Environment, ROOT, startService, type TestService } from './service.ts'
import { UNLIMITED_RATES } from './unlimited.ts'

export type StackOptions = {
  /** More than one core needs PostgreSQL. Default: pglite, in memory. */
  database?: 'pglite' | 'postgres'
  redis?: boolean
  gateways?: number
  cores?: number
  /** Where requests are forwarded instead of to the cores: a recording upstream. */
  coreUrls?: readonly string[]
  gatewayEnv?: Environment
  coreEnv?: Environment
  /** Words before the command of every core: `taskset -c 1` for a benchmark. */
  coreWords?: readonly string[]
  /** Where another release lies that services are of. */
  roots?: { gateway?: string; core?: string }
}

export type Keys = { app: string; clientKey: string; platformKey: string }

export type Stack = {
  /** The first gateway's address. */
  url: string
  gateways: TestService[]
  cores: TestService[]
  redis: TestRedis | undefined
  postgres: TestPostgres | undefined
  keys: Keys
  identityKeys: string
  /** A customer's server: its platform key, in the new form. */
  platform: ApiClient
  /** Any caller of the first gateway, or of another. */
  client(headers: Record<string, string>, url?: string): ApiClient
  /** A chat client: client key and token, in the new form. */
  as(token: string, url?: string): ApiClient
  /** Creates the user; with no token of the customer's own, the core issues one. */
  createUser(id: string, options?: { token?: string; nickname?: string }): Promise<TestUser>
  addGateway(env?: Environment, words?: readonly string[], root?: string): Promise<TestService>
  addCore(env?: Environment, root?: string): Promise<TestService>
  /** All that both services have logged. */
  logs(): string
}

export type TestUser = { id: string; token: string; api: ApiClient }

/** The two services as in production: real processes, configured by the environment, on ports of their own. */
export async function startStack(t: Scope, options: StackOptions = {}): Promise<Stack> {
  const { database = 'pglite', gateways: gatewayCount = 1, cores: coreCount = 1 } = options
  if (coreCount > 1 && database === 'pglite') throw new Error('more than one core needs PostgreSQL')
  const keys: Keys = {
    app: 'test-app',
    clientKey: `client-key-${randomBytes(16).toString('base64url')}`,
    platformKey: `platform-key-${randomBytes(24).toString('base64url')}`,
  }
  const identityKeys = `test:${randomBytes(32).toString('base64url')}`
  const [redis, postgres] = await Promise.all([
    options.redis ? startRedis(t) : undefined,
    database === 'postgres' ? startPostgres(t) : undefined,
  ])
  const shared = { IDENTITY_KEYS: identityKeys, ...(redis && { REDIS_URL: redis.url }), LOG_LEVEL: 'debug' }
  const gateways: TestService[] = []
  const cores: TestService[] = []

  const addCore = async (env: Environment = {}, root = options.roots?.core ?? ROOT) => {
    const settings = {
      ...shared,
      CORE_PORT: '0',
      CORE_INTERNAL_PORT: '0',
      CORE_ADMIN_PORT: '0',
      DATABASE_URL: postgres?.url ?? 'pglite:memory',
      JWT_SECRET: randomBytes(32).toString('base64url'),
      BOOTSTRAP_APP: keys.app,
      BOOTSTRAP_CLIENT_KEY: keys.clientKey,
      BOOTSTRAP_PLATFORM_KEY: keys.platformKey,
      ...options.coreEnv,
      ...env,
    }
    const core = await startService(t, 'core', settings, options.coreWords, root)
    cores.push(core)
    return core
  }
  const addGateway = async (
    env: Environment = {},
    words: readonly string[] = [],
    root = options.roots?.gateway ?? ROOT,
  ) => {
    const settings = {
      ...shared,
      ...UNLIMITED_RATES,
      GATEWAY_PORT: '0',
      GATEWAY_ADMIN_PORT: '0',
      CORE_URLS: (options.coreUrls ?? cores.map((core) => core.url)).join(','),
      CORE_INTERNAL_URL: cores[0]?.internalUrl,
      ...options.gatewayEnv,
      ...env,
    }
    const gateway = await startService(t, 'gateway', settings, words, root)
    gateways.push(gateway)
    return gateway
  }

  // One after the other: the first core migrates the database, and the machine has few processors.
  for (let index = 0; index < coreCount; index++) await addCore()
  for (let index = 0; index < gatewayCount; index++) await addGateway()

  const url = gateways[0]?.url ?? ''
  const client: Stack['client'] = (headers, target = url) => createApiClient(target, headers)
  const as: Stack['as'] = (token, target = url) =>
    client({ 'IM-Client-Key': keys.clientKey, 'IM-Authorization': token }, target)
  const platform = client({ 'IM-API-KEY': keys.platformKey })
  return {
    url,
    gateways,
    cores,
    redis,
    postgres,
    keys,
    identityKeys,
    platform,
    client,
    as,
    async createUser(id, { token, nickname = id } = {}) {
      const body = { _id: id, nickname, ...(token === undefined ? { issueAccessToken: true } : { token }) }
      const created = await platform.ok('POST', '/admin/clients', body)
      const owned = token ?? String(created.token)
      return { id, token: owned, api: as(owned) }
    },
    addGateway,
    addCore,
    logs: () => [...gateways, ...cores].map((service) => service.logs()).join('\n'),
  }
}
