import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { credentialDigest } from '#contract/credential.ts'
import { type Grant, REDIS_POSITION_KEY, redisCredentialKey } from '#contract/internal.ts'
import { type CoreStandIn, startCoreStandIn } from '../test/gateway/authn/core-stand-in.ts'
import type { Scope } from '../test/support/child-process.ts'
import { startRedis } from '../test/support/redis.ts'
import type { Keys } from '../test/support/stack.ts'

/** The user store of a run: behind the core's internal API, and as the core keeps it in Redis. */
export type BenchCredentials = {
  keys: Keys
  core: CoreStandIn
  redisUrl: string
  /** So many tokens, the same ones each time. */
  tokens(count: number): string[]
  /** Tokens that nobody has asked about. */
  coldTokens(count: number): Promise<string[]>
  /** How often a token was looked up so far, here or there. */
  storeReads(): Promise<number>
  /** For so long neither answers. */
  holdStore(ms: number): Promise<void>
}

export const userIdOf = (token: string): string => `user-of-${token}`

export async function startCredentials(t: Scope, count: number): Promise<BenchCredentials> {
  const keys = { app: 'bench', clientKey: 'bench-client-key', platformKey: 'bench-platform-key' }
  const core = await startCoreStandIn(t)
  const redis = await startRedis(t)
  const client = new Redis(redis.url, { protocol: 2, disableClientInfo: true })
  t.teardown(() => client.disconnect())
  core.store.addApp(keys.app)
  core.store.addKey('client-key', keys.app, keys.clientKey)
  await client.set(REDIS_POSITION_KEY, core.store.position())

  async function bind(tokens: readonly string[]): Promise<void> {
    const entries = client.pipeline()
    for (const token of tokens) {
      const position = core.store.bind(keys.app, token, userIdOf(token))
      const digest = credentialDigest('client-token', keys.app, token)
      const grant: Grant = {
        kind: 'client-token',
        app: keys.app,
        userId: userIdOf(token),
        expiresAtMs: undefined,
      }
      entries.set(
        redisCredentialKey('client-token', digest),
        JSON.stringify({ active: true, position, grant }),
      )
    }
    await entries.exec()
    // Whoever starts from here need not be told of all that.
    core.store.forgetChanges()
  }

  const warm = tokensOf('token', count)
  await bind(warm)
  let coldSets = 0
  return {
    keys,
    core,
    redisUrl: redis.url,
    tokens: (wanted) => warm.slice(0, wanted),
    async coldTokens(wanted) {
      const tokens = tokensOf(`cold-${++coldSets}`, wanted)
      await bind(tokens)
      return tokens
    },
    async storeReads() {
      const statistics = await client.info('commandstats')
      const calls = /^cmdstat_get:calls=(\d+)/m.exec(statistics)?.[1] ?? 0
      return core.asked('client-token') + Number(calls)
    },
    async holdStore(ms) {
      const held = delay(ms)
      core.beforeAnswer = () => held
      await client.client('PAUSE', ms, 'ALL')
    },
  }
}

const tokensOf = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}-0123456789abcdef0123456789abcdef`)
