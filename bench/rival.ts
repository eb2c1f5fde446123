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
  /** Files in PEM form, where clients come by TLS. */
  tls?: { certFile: string; keyFile: string }
  /** Processes that share the port, each on a processor of its own; 1 where it is not named. */
  workers?: number
}

export type Running = {
  url: string
  /** Roots of the process trees whose processor time counts; empty where there is no proxy. */
  pids: readonly number[]
  /** Where memory that is no longer used is held until it is called for. */
  collectGarbage?: () => Promise<void>
  stop(): Promise<void>
}

/**
 * `open`: forwards some addresses without authentication. `tunnels`: relays WebSockets. `exchange`: and authenticates
 * inside them. `workers`: shares a port among several processes.
 */
export type Ability = 'requests' | 'open' | 'tunnels' | 'idle' | 'exchange' | 'tls' | 'workers'

/**
 * One way to the upstream. Those that authenticate do the same work: look the token up (in memory, after its first
 * time), compare the client key, drop credentials and spoofed identities, inject the signed identity.
 */
export type Rival = {
  name: string
  /** False where nothing authenticates: the same way without the work. */
  authenticates: boolean
  abilities: readonly Ability[]
  /** One that the targets speak of: takes part in all that it can, the others only where everyone does. */
  isNear?: true
  /** Debian packages that it needs, installed before it starts. */
  packages?: readonly string[]
  /** An npm package that it needs and that the project does not, `name@version`. */
  module?: string
  start(setting: Setting): Promise<Running>
}
