import { LRUCache } from 'lru-cache'
import { credentialDigest } from '#contract/credential.ts'
import type { Proof } from './authenticator.ts'

/**
 * What is known of credentials, by digest (which covers kind, app and secret). Proofs and refusals are kept
 * apart, so that a flood of invented credentials cannot push the valid ones out.
 */
export type OutcomeCache = {
  /** The proof (the same object each time), `null` where the credential is known to be bad, else undefined. */
  get(digest: string): Proof | null | undefined
  /** Whether a proof that it gave would be given again. */
  isCurrent(proof: Proof, steadyNowMs: number): boolean
  /** @param ttlMs where less than usual is wanted */
  putProof(proof: Proof, ttlMs?: number): void
  putRefusal(digest: string): void
  evictCredential(credentialId: string): void
  evictUser(app: string, userId: string): void
  evictApp(app: string): void
  flush(): void
  proofCount(): number
  refusalCount(): number
}

export type OutcomeCacheLimits = {
  maxProofs: number
  maxRefusals: number
  /** Long, because the change feed evicts at once; it only bounds what a lost change could cost. */
  proofTtlMs: number
  refusalTtlMs: number
}

export const DEFAULT_CACHE_LIMITS: OutcomeCacheLimits = {
  maxProofs: 100_000,
  maxRefusals: 20_000,
  proofTtlMs: 600_000,
  refusalTtlMs: 10_000,
}

export function createOutcomeCache(
  clock: () => number,
  limits: OutcomeCacheLimits = DEFAULT_CACHE_LIMITS,
  steadyClock: () => number = clock,
): OutcomeCache {
  const defaultApp = credentialDigest('default-app', '', '')
  const digestsOfUser = new Map<string, string | Set<string>>()
  const proofs = new LRUCache<string, Proof>({
    max: limits.maxProofs,
    dispose(proof, digest) {
      proof.cachedUntilMs = 0
      forgetUser(proof, digest)
    },
  })
  const refusals = new LRUCache<string, number>({ max: limits.maxRefusals })

  // Users mostly have one token: the set is made for the second.
  function rememberUser(proof: Proof): void {
    if (proof.userId === undefined) return
    const key = userKey(proof.app, proof.userId)
    const held = digestsOfUser.get(key)
    if (held === undefined) digestsOfUser.set(key, proof.credentialId)
    else if (typeof held === 'string') digestsOfUser.set(key, new Set([held, proof.credentialId]))
    else held.add(proof.credentialId)
  }

  function forgetUser(proof: Proof, digest: string): void {
    if (proof.userId === undefined) return
    const key = userKey(proof.app, proof.userId)
    const held = digestsOfUser.get(key)
    if (held === digest) digestsOfUser.delete(key)
    else if (typeof held === 'object' && held.delete(digest) && held.size === 0) digestsOfUser.delete(key)
  }

  function isCurrent({ cachedUntilMs, expiresAtMs }: Proof, steadyNowMs: number): boolean {
    return steadyNowMs < cachedUntilMs && (expiresAtMs === undefined || clock() < expiresAtMs)
  }

  return {
    isCurrent,
    get(digest) {
      const proof = proofs.get(digest)
      if (proof !== undefined) {
        if (isCurrent(proof, steadyClock())) return proof
        proofs.delete(digest)
        return undefined
      }
      const refusedUntilMs = refusals.get(digest)
      if (refusedUntilMs === undefined) return undefined
      if (steadyClock() < refusedUntilMs) return null
      refusals.delete(digest)
      return undefined
    },

    putProof(proof, ttlMs = limits.proofTtlMs) {
      const digest = proof.credentialId
      proofs.delete(digest)
      refusals.delete(digest)
      proof.cachedUntilMs = steadyClock() + jittered(Math.min(ttlMs, limits.proofTtlMs))
      proofs.set(digest, proof)
      rememberUser(proof)
    },

    putRefusal(digest) {
      proofs.delete(digest)
      const nowMs = steadyClock()
      dropPast(refusals, nowMs)
      refusals.set(digest, nowMs + jittered(limits.refusalTtlMs))
    },

    evictCredential(credentialId) {
      proofs.delete(credentialId)
      refusals.delete(credentialId)
    },

    evictUser(app, userId) {
      const held = digestsOfUser.get(userKey(app, userId))
      for (const digest of typeof held === 'string' ? [held] : [...(held ?? [])]) proofs.delete(digest)
    },

    // A refusal does not say which app it would have belonged to, and a new app can end a deployment's having
    // only one: all of both go.
    evictApp(app) {
      for (const [digest, proof] of [...proofs.entries()]) {
        if (proof.app === app) proofs.delete(digest)
      }
      proofs.delete(defaultApp)
      refusals.clear()
    },

    flush() {
      proofs.clear()
      refusals.clear()
    },

    proofCount: () => proofs.size,
    refusalCount: () => refusals.size,
  }
}

/** From the end that was used longest ago, so that a flood leaves nothing behind once others are refused. */
function dropPast(cache: LRUCache<string, number>, nowMs: number): void {
  for (;;) {
    const { value: oldest } = cache.rkeys().next()
    if (oldest === undefined || (cache.peek(oldest) ?? 0) > nowMs) return
    cache.delete(oldest)
  }
}

/** No app contains NUL. */
const userKey = (app: string, userId: string): string => `${app}\0${userId}`

/** Never longer than was asked for; spread so that what was learnt together is not forgotten together. */
const jittered = (ttlMs: number): number => ttlMs * (1 - Math.random() / 4)
