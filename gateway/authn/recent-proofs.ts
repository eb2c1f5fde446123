import type { CredentialKind } from '#contract/credential.ts'
import { TwoAges } from '../two-ages.ts'
import type { Proof } from './authenticator.ts'
import type { OutcomeCache } from './outcome-cache.ts'

/**
 * Proofs that were asked for a moment ago, by the credential itself: it spares a digest and the cache's own look-up.
 * Nothing is believed for it: a proof that the cache would not give again is not given here either.
 */
export type RecentProofs = {
  find(kind: CredentialKind, app: string | undefined, secret: string): Proof | undefined
  add(secret: string, proof: Proof): void
}

const MAX_REMEMBERED = 50_000
/** Whatever is in use passes the cache so often, which would else take it for forgotten. */
const FORGET_AFTER_MS = 10_000

/** Whether a proof of such a kind is what such a credential proves. */
function proves(proof: Proof['kind'], kind: CredentialKind): boolean {
  switch (kind) {
    case 'client-token':
      return proof === 'client'
    case 'platform-key':
      return proof === 'platform'
    case 'client-key':
      return proof === 'client-key'
    case 'default-app':
      return false
  }
}

export function createRecentProofs(parts: {
  cache: Pick<OutcomeCache, 'isCurrent'>
  /** Steady, the cache's own. */
  clock: () => number
}): RecentProofs {
  const proofs = new TwoAges<string, Proof>(MAX_REMEMBERED)
  let sinceMs = Number.NEGATIVE_INFINITY

  return {
    find(kind, app, secret) {
      const nowMs = parts.clock()
      if (nowMs - sinceMs > FORGET_AFTER_MS) {
        proofs.clear()
        sinceMs = nowMs
      }
      const proof = proofs.get(secret)
      if (proof === undefined || !proves(proof.kind, kind)) return undefined
      // A key names its app itself.
      if (app !== undefined && proof.app !== app) return undefined
      return parts.cache.isCurrent(proof, nowMs) ? proof : undefined
    },

    add(secret, proof) {
      // A slice would keep the whole request alive that it was cut from.
      proofs.set(Buffer.from(secret).toString(), proof)
    },
  }
}
