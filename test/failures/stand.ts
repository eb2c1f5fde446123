import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { Redis } from 'ioredis'
import { credentialDigest } from '#contract/credential.ts'
import type { Identity } from '#contract/identity.ts'
import { REDIS_POSITION_KEY, redisCredentialKey } from '#contract/internal.ts'
import { parseSigningKeys, signIdentity } from '#contract/signature.ts'
import { parseConfig } from '../../gateway/config.ts'
import { buildGateway } from '../../gateway/gateway.ts'
import { createLog } from '../../gateway/observe/log.ts'
import { type ApiAnswer, createApiClient } from '../support/api-client.ts'
import type { Scope } from '../support/child-process.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { openRawWebSocket, type RawWebSocket } from '../support/raw-websocket.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { startService, type TestService } from '../support/service.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const APP = 'test-app'
export const CLIENT_KEY = 'client-key-of-the-failures'
export const PLATFORM_KEY = 'platform-key-of-the-failures'
const IDENTITY_KEYS = `test:${Buffer.alloc(32, 9).toString('base64url')}`

export type Verdict = { status: number; code: unknown; retryAfter: unknown }

/**
 * The gateway with its clock in the test's hand; a real core process, its user store on disk; a real Redis; and between
 * gateway and each of them a network of our own. What is admitted goes to an upstream that says yes, so that an answer
 * tells of authentication alone, also while the core is down.
 */
export async function startFailureStand(
  t: Scope,
  options: { redis?: boolean; onlyFeedFails?: boolean } = {},
) {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-failures-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const redis = options.redis ? await startRedis(t) : undefined
  const [port, internalPort, adminPort] = [await freePort(), await freePort(), await freePort()]
  const startCore = (): Promise<TestService> =>
    startService(t, 'core', {
      IDENTITY_KEYS,
      CORE_PORT: `${port}`,
      CORE_INTERNAL_PORT: `${internalPort}`,
      CORE_ADMIN_PORT: `${adminPort}`,
      DATABASE_URL: `pglite:${join(directory, 'data')}`,
      JWT_SECRET: 'of the failures, long enough',
      BOOTSTRAP_APP: APP,
      BOOTSTRAP_CLIENT_KEY: CLIENT_KEY,
      BOOTSTRAP_PLATFORM_KEY: PLATFORM_KEY,
      ...(redis && { REDIS_URL: redis.url }),
    })
  const core = await startCore()
  const internal = await startTcpProxy(t, String(core.internalUrl), {
    ...(options.onlyFeedFails && { only: (bytes: Buffer) => bytes.includes('GET /credential-changes') }),
  })
  const toRedis = redis && (await startTcpProxy(t, redis.url))
  const upstream = await startRecordingUpstream(t)

  const clock = { offsetMs: 0 }
  const logged: string[] = []
  const config = parseConfig({
    CORE_URLS: upstream.url,
    CORE_INTERNAL_URL: internal.url,
    IDENTITY_KEYS,
    GATEWAY_PORT: '0',
    GATEWAY_ADMIN_PORT: '0',
    RATE_LIMIT_REFUSED: '100000',
    ...(toRedis && { REDIS_URL: toRedis.url }),
  })
  const gateway = await buildGateway(config, {
    log: createLog(
      'debug',
      new PassThrough().on('data', (line) => logged.push(String(line))),
    ),
    clock: () => Date.now() + clock.offsetMs,
  })
  t.teardown(() => gateway.close())

  /** What a customer's server would do through a gateway, done at the core itself. */
  const asPlatform = () => {
    const identity: Identity = {
      kind: 'platform',
      app: APP,
      userId: undefined,
      deviceId: undefined,
      credentialId: credentialDigest('platform-key', '', PLATFORM_KEY),
      expiresAtMs: undefined,
    }
    const signed = signIdentity(identity, parseSigningKeys(IDENTITY_KEYS), Date.now())
    return createApiClient(core.url, { 'IM-Identity': signed })
  }
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    const line = text.split('\n').find((line) => line.startsWith(`${name} `))
    return Number(line?.slice(name.length + 1) ?? 0)
  }
  const verdict = ({ status, code, headers }: ApiAnswer): Verdict => ({
    status,
    code,
    retryAfter: headers['retry-after'],
  })

  return {
    gateway,
    core,
    startCore,
    internal,
    redis: redis as TestRedis,
    toRedis: toRedis as TcpProxy,
    upstream,
    clock,
    metric,
    log: () => logged.join(''),
    behindS: () => metric('gateway_credential_feed_behind_seconds'),
    ready: async () => (await fetch(`${gateway.adminUrl}/readyz`)).status === 200,
    bind: (user: string, token: string) => asPlatform().ok('POST', '/admin/clients', { _id: user, token }),
    revoke: (user: string, token: string) =>
      asPlatform().ok('DELETE', `/admin/clients/${user}/token`, { token }),
    /** Brings a token into Redis without this gateway's having seen it. */
    async intoRedis(token: string): Promise<void> {
      const digest = credentialDigest('client-token', APP, token)
      await fetch(`${core.internalUrl}/introspect`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ kind: 'client-token', digest }),
      })
    },
    /** The core writes some entries by itself. */
    async outOfRedis(token: string): Promise<void> {
      const client = new Redis(String(redis?.url))
      const known = await metric('gateway_credential_feed_position')
      await eventually(
        'Redis has come as far',
        async () => Number(await client.get(REDIS_POSITION_KEY)) >= known,
      )
      await client.del(redisCredentialKey('client-token', credentialDigest('client-token', APP, token)))
      client.disconnect()
    },
    async withToken(token: string): Promise<Verdict> {
      const headers = { 'IM-Client-Key': CLIENT_KEY, 'IM-Authorization': token }
      return verdict(await createApiClient(gateway.publicUrl, headers).call('GET', '/me'))
    },
    async withKey(key: string = PLATFORM_KEY): Promise<Verdict> {
      return verdict(
        await createApiClient(gateway.publicUrl, { 'IM-API-KEY': key }).call('GET', '/admin/clients'),
      )
    },
    openTunnel: (token: string): Promise<RawWebSocket> =>
      openRawWebSocket(t, gateway.publicUrl, [`IM-Client-Key: ${CLIENT_KEY}`, `IM-Authorization: ${token}`]),
  }
}

export type FailureStand = Awaited<ReturnType<typeof startFailureStand>>
