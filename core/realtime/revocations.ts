import type { CredentialChange } from '#contract/internal.ts'
import { IDENTITY_LIFETIME_MS, MAX_SKEW_MS } from '#contract/signature.ts'
import type { NamedIdentity } from './sessions.ts'

/**
 * What was revoked or renewed lately. An identity signed just before its credential was revoked still verifies, and a
 * socket would carry it on for hours: so changes are remembered for as long as such a signature stands.
 */
export type Revocations = {
  note(change: CredentialChange): void
  cover(identity: NamedIdentity): boolean
  /** The identity with the end that its credential has been given since. */
  renew<T extends NamedIdentity>(identity: T): T
  /** Drops what no standing signature can be older than. */
  forgetOld(): void
}

type Step = { position: number; atMs: number }
type Granted = Step & { expiresAtMs: number | null | undefined }

const MEMORY_MS = IDENTITY_LIFETIME_MS + 2 * MAX_SKEW_MS

export function createRevocations(clock: () => number): Revocations {
  const revokedCredentials = new Map<string, Step>()
  const grantedCredentials = new Map<string, Granted>()
  const revokedUsers = new Map<string, Step>()
  const userKey = (app: string, userId: string) => JSON.stringify([app, userId])

  return {
    note(change) {
      const step = { position: change.position, atMs: clock() }
      if (change.subject === 'user') revokedUsers.set(userKey(change.app, change.userId), step)
      if (change.subject !== 'credential') return
      const { credentialId } = change
      if (change.effect === 'revoked') revokedCredentials.set(credentialId, step)
      else grantedCredentials.set(credentialId, { ...step, expiresAtMs: change.expiresAtMs })
    },

    cover(identity) {
      const granted = grantedCredentials.get(identity.credentialId)?.position ?? -1
      if ((revokedCredentials.get(identity.credentialId)?.position ?? -1) > granted) return true
      if (identity.kind !== 'client') return false
      return (revokedUsers.get(userKey(identity.app, identity.userId))?.position ?? -1) > granted
    },

    renew(identity) {
      const granted = grantedCredentials.get(identity.credentialId)
      if (granted?.expiresAtMs === undefined) return identity
      return { ...identity, expiresAtMs: granted.expiresAtMs ?? undefined }
    },

    forgetOld() {
      const oldestMs = clock() - MEMORY_MS
      for (const steps of [revokedCredentials, grantedCredentials, revokedUsers])
        for (const [key, step] of steps) if (step.atMs < oldestMs) steps.delete(key)
    },
  }
}
