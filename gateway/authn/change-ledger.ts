import type { CredentialKind } from '#contract/credential.ts'
import type { CredentialChange } from '#contract/internal.ts'
import type { Proof } from './authenticator.ts'
import type { OutcomeCache } from './outcome-cache.ts'

/** An answer from the user store, with what is needed to tell which changes concern it. */
export type Answer = {
  kind: CredentialKind
  digest: string
  /** The feed's position that the answer was true at. */
  position: number
  /** The ledger's, when the question was asked. */
  generation: number
  /** The app that was asked about, for a client token. */
  app: string | undefined
  proof: Proof | undefined
}

/**
 * - `current`: true at the feed's position too, may be cached.
 * - `outdated`: a later change of this very credential (or its user, or its app) is known, or may have been
 *   forgotten. Who asked may have been told of that change already.
 * - `unsure`: the feed is not followed yet; the answer is as good as any, but may not be cached.
 */
export type Standing = 'current' | 'outdated' | 'unsure'

/**
 * Applies the change feed to the cache, and remembers what changed lately: an answer that was on its way while
 * its credential changed arrives after the eviction, and must not undo it.
 */
export type ChangeLedger = {
  apply(change: CredentialChange): void
  /** Starts anew from a position: nothing older is known, everything cached goes. */
  reset(position: number): void
  /** Grows with every reset: positions before and after it are not of one history. */
  generation(): number
  judge(answer: Answer): Standing
}

export function createChangeLedger(cache: OutcomeCache, maxSubjects = 20_000): ChangeLedger {
  // In order of position, so the first key is the oldest.
  const latest = new Map<string, number>()
  let oldestKnown = 0
  let latestOfAnyApp = -1
  let generation = 0

  function remember(subject: string, position: number): void {
    latest.delete(subject)
    latest.set(subject, position)
    if (latest.size <= maxSubjects) return
    for (const [oldest, at] of latest) {
      latest.delete(oldest)
      oldestKnown = Math.max(oldestKnown, at)
      return
    }
  }

  const at = (subject: string): number => latest.get(subject) ?? -1

  function latestChange({ kind, digest, app, proof }: Answer): number {
    const ofApp = proof?.app ?? app
    return Math.max(
      at(credential(digest)),
      proof?.userId === undefined ? -1 : at(user(proof.app, proof.userId)),
      // A refused key belongs to no app that we know; the only app may change with any other.
      ofApp === undefined || kind === 'default-app' ? latestOfAnyApp : at(wholeApp(ofApp)),
    )
  }

  return {
    apply(change) {
      switch (change.subject) {
        case 'credential':
          remember(credential(change.credentialId), change.position)
          cache.evictCredential(change.credentialId)
          break
        case 'user':
          remember(user(change.app, change.userId), change.position)
          cache.evictUser(change.app, change.userId)
          break
        case 'app':
          remember(wholeApp(change.app), change.position)
          latestOfAnyApp = change.position
          cache.evictApp(change.app)
          break
      }
    },

    reset(position) {
      latest.clear()
      latestOfAnyApp = -1
      oldestKnown = position
      generation += 1
      cache.flush()
    },

    generation: () => generation,

    judge(answer) {
      if (generation === 0) return 'unsure'
      if (answer.generation !== generation || answer.position < oldestKnown) return 'outdated'
      return latestChange(answer) > answer.position ? 'outdated' : 'current'
    },
  }
}

const credential = (digest: string): string => `credential\0${digest}`
const user = (app: string, userId: string): string => `user\0${app}\0${userId}`
const wholeApp = (app: string): string => `app\0${app}`
