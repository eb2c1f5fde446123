import type { PrivateUpstreams } from '#contract/outbound-address.ts'
import type { Database } from '../store/database.ts'
import type { DelegatedSigning } from './delegated-signing.ts'

/** For apps that say nothing of their own. */
export type AppDefaults = {
  origins: readonly string[]
  /** The deployment's own auth service. It vouches for users of every app that has no authentication of its own. */
  authUrl: string | undefined
  /** From where platform keys are taken; none or empty: from everywhere. */
  platformSources?: readonly string[] | undefined
  /** Where URLs of apps may lead; plain http is for these alone. */
  privateUpstreams: PrivateUpstreams
}

/** What every change of credentials needs. */
export type CredentialContext = {
  db: Database
  clock: () => number
  /** Told after a change's commit, so that this core's feed need not wait for its next look. */
  nudge: () => void
  jwtSecret: Uint8Array
  tokenLifetimeMs: number
  appDefaults: AppDefaults
  /** Where the deployment has tokens signed elsewhere. */
  delegatedSigning?: DelegatedSigning | undefined
}
