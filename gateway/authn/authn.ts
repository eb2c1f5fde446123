import type { Logger } from 'pino'
import { credentialDigest } from '#contract/credential.ts'
import type { Observe } from './authn-event.ts'
import { type Authenticate, createChain } from './chain.ts'
import { createChangeLedger } from './change-ledger.ts'
import { createClientKeyAuthenticator } from './client-key.ts'
import { createClientTokenAuthenticator } from './client-token.ts'
import { createFeedFollower, type FeedFollower, type FeedLimits } from './credential-changes.ts'
import { createCredentialStore, type StoreLimits } from './credential-store.ts'
import { createIntrospectionClient, type IntrospectionLimits } from './introspection.ts'
import { createOutcomeCache, type OutcomeCacheLimits } from './outcome-cache.ts'
import { createPlatformKeyAuthenticator } from './platform-key.ts'
import { createRedisLookup, type RedisLookupLimits } from './redis-lookup.ts'

export type AuthnParts = {
  coreInternalUrl: string
  /** Where the core keeps its cache; an aid, never a need. */
  redisUrl?: string | undefined
  clock: () => number
  log: Logger
  observe: Observe
  limits?: {
    cache?: OutcomeCacheLimits
    store?: StoreLimits
    introspection?: IntrospectionLimits
    redis?: RedisLookupLimits
    feed?: FeedLimits
  }
}

export type Authn = {
  /** Synchronous when cached; undefined when nothing is presented; throws GatewayError when it cannot tell. */
  authenticate: Authenticate
  feed: FeedFollower
  cachedCounts(): { proofs: number; refusals: number }
  close(): Promise<void>
}

export function createAuthn(parts: AuthnParts): Authn {
  const { clock, log, observe, limits } = parts
  const core = createIntrospectionClient(parts.coreInternalUrl, limits?.introspection)
  const redis =
    parts.redisUrl === undefined
      ? undefined
      : createRedisLookup({ url: parts.redisUrl, clock, log, observe, limits: limits?.redis })
  const cache = createOutcomeCache(clock, limits?.cache)
  const ledger = createChangeLedger(cache)
  const feed = createFeedFollower({
    // Any introspection tells the position; this one needs no credential.
    currentPosition: async () =>
      (await core.introspect('default-app', credentialDigest('default-app', '', ''))).position,
    changesAfter: core.changesAfter,
    ledger,
    clock,
    log,
    observe,
    limits: limits?.feed,
  })
  const { introspect } = core
  const store = createCredentialStore({
    cache,
    ledger,
    feed,
    redis,
    introspect,
    clock,
    observe,
    limits: limits?.store,
  })

  return {
    authenticate: createChain([
      createPlatformKeyAuthenticator(store),
      createClientTokenAuthenticator(store),
      createClientKeyAuthenticator(store),
    ]),
    feed,
    cachedCounts: () => ({ proofs: cache.proofCount(), refusals: cache.refusalCount() }),
    async close() {
      redis?.close()
      await Promise.all([feed.close(), core.close()])
    },
  }
}
