/**
 * The identity: what the gateway vouches for, and the one value that the core trusts.
 *
 * It travels in three carriers, always as the text that `signIdentity` makes: the `IM-Identity` header of a
 * request, the same header of an upgrade, and the argument of a socket's `auth` event.
 */

/** A user of an app, proven by a client token. */
export type ClientIdentity = {
  kind: 'client'
  app: string
  userId: string
  deviceId: string | undefined
  /** Digest of the credential that proved it (`credentialDigest`); names it in changes, never reveals it. */
  credentialId: string
  /** End of the credential itself, milliseconds since the epoch; undefined = it has none. */
  expiresAtMs: number | undefined
}

/** A customer's server, proven by a platform key; it may act for one user. */
export type PlatformIdentity = {
  kind: 'platform'
  app: string
  /** The user it acts for (`IM-Client-ID`), whether or not that user exists. */
  userId: string | undefined
  deviceId: string | undefined
  credentialId: string
  expiresAtMs: number | undefined
}

/** Nobody yet: a socket before its `auth` event, or a client key without a token. */
export type AnonymousIdentity = {
  kind: 'anonymous'
  /** The app that a client key named, or the deployment's only app; undefined where neither is known. */
  app: string | undefined
}

export type Identity = ClientIdentity | PlatformIdentity | AnonymousIdentity

/** Carries the signed identity from gateway to core. Whatever folds to this name from outside is dropped. */
export const IDENTITY_HEADER = 'im-identity'

/**
 * The core names, on an answer that changed credentials, the feed position of that change. The gateway holds
 * the answer back until it has followed the feed that far, and removes the header.
 */
export const CREDENTIAL_POSITION_HEADER = 'im-credential-position'

export const REQUEST_ID_HEADER = 'x-request-id'
