import type { Keys } from '../test/support/stack.ts'

/** What every proxy of the comparison is given. */
export type Setting = {
  /** Where authenticated requests go. */
  upstreamUrl: string
  /** Where a credential is looked up the first time: the core's internal API, or its entries in Redis. */
  coreInternalUrl: string
  redisUrl: string
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

/** `tunnels`: relays WebSockets. `exchange`: and authenticates inside them. */
export type Ability = 'requests' | 'tunnels' | 'exchange'

/**
 * One way to the upstream. Those that authenticate do the same work: look the token up (in memory, after its first
 * time), compare the client key, drop credentials and spoofed identities, inject the signed identity.
 */
export type Rival = {
  name: string
  /** False where nothing authenticates: the same way without the work. */
  authenticates: boolean
  abilities: readonly Ability[]
  /** Debian packages that it needs, installed before it starts. */
  packages?: readonly string[]
  /** npm packages that it needs, of the project's own. */
  modules?: readonly string[]
  start(setting: Setting): Promise<Running>
}
