import type { Keys } from '../test/support/stack.ts'

/** What every proxy of the comparison is given. */
export type Setting = {
  /** Where authenticated requests go. */
  upstreamUrl: string
  /** Where a credential is looked up the first time. */
  coreInternalUrl: string
  keys: Keys
  identityKeys: string
  /** Words before the command, that pin the proxy to its processor. */
  pinned: readonly string[]
}

export type Running = {
  url: string
  /** Roots of the process trees whose processor time counts; empty where there is no proxy. */
  pids: readonly number[]
  stop(): Promise<void>
}

/**
 * One way to the upstream. All proxies do the same work: look the token up (in memory, after its first time),
 * compare the client key, drop credentials and spoofed identities, inject the signed identity.
 */
export type Rival = {
  name: string
  /** False where nothing authenticates: what is measured is the upstream itself. */
  authenticates: boolean
  start(setting: Setting): Promise<Running>
}
