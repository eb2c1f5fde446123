/**
 * The core's internal API, spoken only by gateways on `CORE_INTERNAL_URL`, and the shared Redis entries.
 *
 * - `POST /introspect` IntrospectionRequest → 200 Introspection (RFC 7662 in shape, by digest, never by secret)
 * - `GET /credential-changes?after=<position>&waitMs=<0..30000>` → 200 CredentialChanges, as soon as there is a
 *   change after the position, or empty when the wait ends
 * - `GET /readyz` → 200 | 503
 *
 * Any other status is broken machinery, never a bad credential.
 */
import type { CredentialKind } from './credential.ts'

export type IntrospectionRequest = { kind: CredentialKind; digest: string }

export type AppSettings = {
  app: string
  /** Origins that browsers may come from: exact values, or the single entry `*`. */
  origins: readonly string[]
  /** Whether a platform key may come with a browser's `Origin`. */
  allowPlatformKeyFromBrowser: boolean
  /** Addresses (CIDR) that platform keys may come from; empty = any. */
  platformSources: readonly string[]
}

export type Grant =
  | { kind: 'client-token'; app: string; userId: string; expiresAtMs: number | undefined }
  | { kind: 'platform-key'; app: string; settings: AppSettings; expiresAtMs: number | undefined }
  | { kind: 'client-key'; app: string; settings: AppSettings; expiresAtMs: number | undefined }
  | { kind: 'default-app'; app: string; settings: AppSettings; expiresAtMs: undefined }

/** `position` is that of the change feed in the snapshot that the answer was read from. */
export type Introspection =
  | { active: true; position: number; grant: Grant }
  | { active: false; position: number }

/**
 * One step of the change feed; positions are dense and in commit order.
 * - `credential` granted: evict what is cached of it (a negative entry above all).
 * - `credential` revoked: evict, refuse, close its tunnels.
 * - `user` revoked: every credential of the user, those that the core never saw included.
 * - `app` changed: settings or keys; evict everything of the app, re-check its tunnels.
 */
export type CredentialChange = { position: number; app: string } & (
  | { subject: 'credential'; effect: 'granted' | 'revoked'; credentialId: string }
  | { subject: 'user'; effect: 'revoked'; userId: string }
  | { subject: 'app'; effect: 'changed' }
)

/** `reset`: the position asked for is too old to be continued, flush and go on from `position`. */
export type CredentialChanges = { position: number; changes: CredentialChange[]; reset: boolean }

/** Redis: `Introspection` as JSON, written by the core alone, never over one of a later position. */
export const redisCredentialKey = (kind: CredentialKind, digest: string): string =>
  `im:credential:${kind}:${digest}`

/** Redis: every change up to this position has been applied to the entries; read before an entry is trusted. */
export const REDIS_POSITION_KEY = 'im:credential-position'
