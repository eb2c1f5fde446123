/**
 * An authenticator's contract: a bad credential is a value, broken machinery is an exception.
 *
 * It answers `undefined` when no credential of its kind is presented; an `Outcome` when one is; and throws
 * only when it could not find out (store down, timeout), which becomes 503 and is never cached. It answers
 * synchronously when it can, so that a cached request costs no promise.
 */
import type { AppSettings } from '#contract/internal.ts'
import type { SigningKey } from '#contract/signature.ts'
import type { ErrorCode } from '../errors.ts'
import type { FieldLine } from '../headers/field-lines.ts'
import type { WindowKeeper } from '../limits/rate-limit.ts'

/** What a caller presented, normalised; every absent, empty, `undefined` or `null` value is undefined. */
export type Credentials = {
  clientKey: string | undefined
  clientToken: string | undefined
  platformKey: string | undefined
  deviceId: string | undefined
  /** `IM-Client-ID`: the user that a platform key acts for; ignored beside a client token. */
  actingUserId: string | undefined
}

/** What is known of where they came from. */
export type Origin = {
  /** The browser's `Origin` header, if any. */
  origin: string | undefined
  /** The peer's address, forwarded ones only from trusted proxies. */
  address: string
  /** The app that the upgrade request named; only for credentials inside a socket's event. */
  app: string | undefined
  /**
   * The credentials came with a socket (its upgrade or an event). Shipped clients send no client key there, so
   * a token may come without one; over HTTP it may not.
   */
  socket?: boolean
  /** The console's own page sent them, from the gateway's own origin. */
  console?: boolean
}

/**
 * A proven credential. One object per cached credential, so that its signature, and what it has taken of its rate limit,
 * can be kept beside it.
 */
export type Proof = WindowKeeper & {
  kind: 'client' | 'platform' | 'client-key'
  app: string
  settings: AppSettings
  userId: string | undefined
  credentialId: string
  expiresAtMs: number | undefined
  /** Kept by the cache, by its steady clock: until when it may be used; 0 where it may not, or no longer. */
  cachedUntilMs: number
  /** Kept by the signer: the identity last signed for this proof. */
  signature:
    | {
        deviceId: string | undefined
        actingUserId: string | undefined
        atMs: number
        keys: readonly SigningKey[]
        field: FieldLine
      }
    | undefined
}

export type Outcome = { proof: Proof } | { refused: ErrorCode }

export type Authenticator = {
  name: string
  authenticate(credentials: Credentials, origin: Origin): Outcome | undefined | Promise<Outcome | undefined>
}
