/**
 * The core's internal API, spoken only by gateways on `CORE_INTERNAL_URL`, and the shared Redis entries.
 *
 * - `POST /introspect` IntrospectionRequest → 200 Introspection (RFC 7662 in shape, by digest, never by secret)
 * - `POST /provision` ProvisionRequest → 200 Provision: creates or updates a user for whom an app's own authentication
 *   vouches, and says whether the user may come in
 * - `GET /credential-changes?after=<position>&waitMs=<0..30000>` → 200 CredentialChanges, as soon as there is a
 *   change after the position, or empty when the wait ends
 * - `GET /readyz` → 200 | 503
 *
 * Any other status is broken machinery, never a bad credential.
 */
import type { CredentialKind } from './credential.ts'

export type IntrospectionRequest = { kind: CredentialKind; digest: string }

/** Asymmetric only: the gateway holds nothing that could sign. */
export type JwksAlgorithm = 'RS256' | 'ES256' | 'EdDSA'

/** How an app's tokens are verified by the gateway itself. The algorithm is the app's choice, never the token's. */
export type JwtKeys = (
  | { algorithm: 'HS256'; secret: string }
  | { jwksUrl: string; algorithms: readonly JwksAlgorithm[] }
) & {
  issuer?: string
  audience?: string
  /** Default: `id`, else `_id`, else `sub`. */
  userIdClaim?: string
}

/** A service that verifies tokens: `POST {token}` → 200 `{id, nickname?, avatarUrl?}`, or 401. */
export type ExternalAuth = {
  url: string
  timeoutMs: number
  /** How long its word is taken for a token. */
  cacheMs: number
  /** The deployment's, not the app's: it may stand on a private address. */
  isDeployments: boolean
}

/** Who else vouches for an app's client tokens, beside the rows of the user store. Its secrets stay out of Redis. */
export type AppAuthentication = { jwt?: JwtKeys; external?: ExternalAuth }

export type AppSettings = {
  app: string
  /** Origins that browsers may come from: exact values, or the single entry `*`. */
  origins: readonly string[]
  /** Whether a platform key may come with a browser's `Origin`. */
  allowPlatformKeyFromBrowser: boolean
  /** Addresses (CIDR) that platform keys may come from; empty = any. */
  platformSources: readonly string[]
  authentication?: AppAuthentication
}

export type Grant =
  | { kind: 'client-token'; app: string; userId: string; expiresAtMs: number | undefined }
  | { kind: 'platform-key'; app: string; settings: AppSettings; expiresAtMs: number | undefined }
  | { kind: 'client-key'; app: string; settings: AppSettings; expiresAtMs: number | undefined }
  | { kind: 'default-app'; app: string; settings: AppSettings; expiresAtMs: undefined }

/**
 * `position` is that of the change feed in the snapshot that the answer was read from. `unknown`: a client token that
 * was never a row, so that the app's own authentication may be asked; what was revoked or has expired stays refused.
 */
export type Introspection =
  | { active: true; position: number; grant: Grant }
  | { active: false; position: number; unknown?: true }

/** `issuedAtMs`: a token from before all of its user's tokens were revoked is refused. Absent = nobody said. */
export type ProvisionRequest = {
  app: string
  userId: string
  nickname?: string
  avatarUrl?: string
  issuedAtMs?: number
}

/** `position` as in Introspection; not allowed: the user is disabled, or the token was issued too early. */
export type Provision = { position: number; allowed: boolean }

/**
 * One step of the change feed; positions are dense and in commit order.
 * - `credential` granted: evict what is cached of it (a negative entry above all); what lives by it ends when
 *   `expiresAtMs` says (null: never; absent: as before).
 * - `credential` revoked: evict, refuse, close its tunnels.
 * - `user` revoked: every credential of the user, those that the core never saw included.
 * - `app` changed: settings or keys; evict everything of the app, re-check its tunnels.
 */
export type CredentialChange = { position: number; app: string } & (
  | { subject: 'credential'; effect: 'granted'; credentialId: string; expiresAtMs?: number | null }
  | { subject: 'credential'; effect: 'revoked'; credentialId: string }
  | { subject: 'user'; effect: 'revoked'; userId: string }
  | { subject: 'app'; effect: 'changed' }
)

/** `reset`: the position asked for is too old to be continued, flush and go on from `position`. */
export type CredentialChanges = { position: number; changes: CredentialChange[]; reset: boolean }

/**
 * Redis: `Introspection` as JSON, written by the core alone, never over one of a later position. An answer that holds
 * secrets is not kept there; `{ position, withheld: true }` in its place says that the core has to be asked.
 */
export const redisCredentialKey = (kind: CredentialKind, digest: string): string =>
  `im:credential:${kind}:${digest}`

/** Redis: every change up to this position has been applied to the entries; read before an entry is trusted. */
export const REDIS_POSITION_KEY = 'im:credential-position'
