import { hash } from 'node:crypto'

/** What can be looked up in the user store. `default-app` asks for the app of a socket that names none. */
export type CredentialKind = 'client-token' | 'platform-key' | 'client-key' | 'default-app'

/** An app's id; the pattern keeps it unambiguous inside digests, Redis keys and room names. */
export const APP_ID_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/

/** No credential is longer; a longer one is refused before it is hashed. */
export const MAX_CREDENTIAL_BYTES = 4_096

/**
 * The name of a credential everywhere but in its owner's hands: SHA-256, base64url (43 characters), of kind,
 * app and secret. The app is part of a client token's digest, so a token is valid only in the app it was bound
 * in; keys name their app themselves and are looked up with `app` ''. NUL separates the parts and can occur in
 * neither kind nor app.
 */
export function credentialDigest(kind: CredentialKind, app: string, secret: string): string {
  return hash('sha256', `${kind}\0${app}\0${secret}`, 'base64url')
}
