import type { Logger } from 'pino'
import { credentialDigest } from '#contract/credential.ts'
import type { PrivateUpstreams } from '#contract/outbound-address.ts'
import type { Tracer } from '#contract/tracer.ts'
import type { Observe } from './authn-event.ts'
import { type Authenticate, createChain } from './chain.ts'
import { createChangeLedger } from './change-ledger.ts'
import type { CircuitLimits } from './circuit.ts'
import { createClientKeyAuthenticator } from './client-key.ts'
import { createClientTokenAuthenticator } from './client-token.ts'
import { createFeedFollower, type FeedFollower, type FeedLimits } from './credential-changes.ts'
import { createCredentialStore, type LookupBudget, type StoreLimits } from './credential-store.ts'
import { createExternalAuth } from './external-auth.ts'
import { createForeignTokens } from './foreign-tokens.ts'
import { createIntrospectionClient, type IntrospectionLimits } from './introspection.ts'
import { createJwtVerifier } from './jwt.ts'
import { createKeySets, type KeySetLimits } from './key-sets.ts'
import { createOutbound } from './outbound.ts'
import { createOutcomeCache, type OutcomeCacheLimits } from './outcome-cache.ts'
import { createPlatformKeyAuthenticator } from './platform-key.ts'
import { createRedisLookup, type RedisLookupLimits } from './redis-lookup.ts'

export type AuthnParts = {
  coreInternalUrl: string
  /** Where the core keeps its cache; an aid, never a need. */
  redisUrl?: string | undefined
  /** Where the URLs that apps configure may lead, beside public addresses. Default: nowhere. */
  privateUpstreams?: PrivateUpstreams
  lookupBudget?: LookupBudget
  clock: () => number
  /** Measures durations: it never steps. Default: `clock`. */
  steadyClock?: () => number
  log: Logger
  observe: Observe
  tracer?: Tracer | undefined
  limits?: {
    cache?: OutcomeCacheLimits
    store?: StoreLimits
    introspection?: IntrospectionLimits
    redis?: RedisLookupLimits
    feed?: FeedLimits
    keySets?: KeySetLimits
    externalAuth?: CircuitLimits
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
  const { clock, steadyClock = clock, log, observe, limits } = parts
  const core = createIntrospectionClient(parts.coreInternalUrl, limits?.introspection, parts.tracer)
  const redis =
    parts.redisUrl === undefined
      ? undefined
      : createRedisLookup({ url: parts.redisUrl, clock: steadyClock, log, observe, limits: limits?.redis })
  const cache = createOutcomeCache(clock, limits?.cache, steadyClock)
  const ledger = createChangeLedger(cache)
  const feed = createFeedFollower({
    // Any introspection tells the position; this one needs no credential.
    currentPosition: async () =>
      (await core.introspect('default-app', credentialDigest('default-app', '', ''))).position,
    changesAfter: core.changesAfter,
    ledger,
    clock: steadyClock,
    log,
    observe,
    limits: limits?.feed,
  })
  const { introspect, provision } = core
  const outbound = createOutbound(parts.privateUpstreams ?? 'none')
  const keySets = createKeySets({ outbound, clock, steadyClock, observe, limits: limits?.keySets })
  const foreign = createForeignTokens({
    verifiers: [
      createJwtVerifier({ keySets, clock, observe }),
      createExternalAuth({ outbound, clock, steadyClock, observe, limits: limits?.externalAuth }),
    ],
    provision,
    observe,
  })
  const store = createCredentialStore({
    cache,
    ledger,
    feed,
    redis,
    introspect,
    foreign,
    budget: parts.lookupBudget,
    clock,
    steadyClock,
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
      await Promise.all([feed.close(), core.close(), outbound.close()])
    },
  }
}
