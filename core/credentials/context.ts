import type { Database } from '../store/database.ts'

/** What every change of credentials needs. */
export type CredentialContext = {
  db: Database
  clock: () => number
  /** Told after a change's commit, so that this core's feed need not wait for its next look. */
  nudge: () => void
  jwtSecret: Uint8Array
  tokenLifetimeMs: number
}
