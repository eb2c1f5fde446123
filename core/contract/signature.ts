import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Identity } from './identity.ts'

/**
 * A key shared by gateway and core. The first of a list signs, every one of it verifies. Not its bytes: given those,
 * Node 24 makes an exception to find out that they are no `KeyObject`, which takes six times as long as the digest.
 */
export type SigningKey = { id: string; secret: KeyObject }

export const signingKey = (id: string, secret: Uint8Array): SigningKey => ({
  id,
  secret: createSecretKey(secret),
})

/** How long a signed identity stands. Verification adds `MAX_SKEW_MS` for clocks that disagree. */
export const IDENTITY_LIFETIME_MS = 60_000
export const MAX_SKEW_MS = 5_000

const VERSION = 'v1'
const AUDIENCE = 'im-core'
const MIN_SECRET_BYTES = 32
/** A user id of 1 KB in four-byte characters still fits; nothing that the gateway signs comes near. */
const MAX_TEXT_LENGTH = 8_192

type Payload = {
  aud: string
  iat: number
  exp: number
  kind: Identity['kind']
  app?: string
  sub?: string
  dev?: string
  cid?: string
  cex?: number
}

export type IdentityRefusal = 'malformed' | 'unknown-key' | 'forged' | 'stale' | 'wrong-audience'
export type Verified = { identity: Identity } | { refused: IdentityRefusal }

/**
 * Reads `id:base64url-secret[,id:base64url-secret]`; secrets have at least 32 bytes.
 * @throws Error saying what is wrong, without quoting a secret.
 */
export function parseSigningKeys(text: string): SigningKey[] {
  const keys = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const colon = part.indexOf(':')
      const id = part.slice(0, colon)
      if (colon < 1 || !/^[A-Za-z0-9_-]{1,32}$/.test(id))
        throw new Error('each signing key is "id:secret", the id of letters, digits, _ and -')
      const secret = Buffer.from(part.slice(colon + 1), 'base64url')
      if (secret.length < MIN_SECRET_BYTES)
        throw new Error(`signing key "${id}" has fewer than ${MIN_SECRET_BYTES} bytes (base64url)`)
      return signingKey(id, secret)
    })
  if (keys.length === 0) throw new Error('at least one signing key is needed')
  if (new Set(keys.map((key) => key.id)).size !== keys.length) throw new Error('two signing keys share an id')
  return keys
}

/** `v1.<key id>.<base64url JSON>.<base64url HMAC-SHA-256 of all before>`: ASCII whatever the identity holds. */
export function signIdentity(identity: Identity, keys: readonly SigningKey[], nowMs: number): string {
  const key = keys[0]
  if (key === undefined) throw new Error('no signing key')
  const named = identity.kind === 'anonymous' ? undefined : identity
  const payload: Payload = {
    aud: AUDIENCE,
    iat: nowMs,
    exp: nowMs + IDENTITY_LIFETIME_MS,
    kind: identity.kind,
    ...(identity.app !== undefined && { app: identity.app }),
    ...(named?.userId !== undefined && { sub: named.userId }),
    ...(named?.deviceId !== undefined && { dev: named.deviceId }),
    ...(named !== undefined && { cid: named.credentialId }),
    ...(named?.expiresAtMs !== undefined && { cex: named.expiresAtMs }),
  }
  const signed = `${VERSION}.${key.id}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`
  return `${signed}.${mac(signed, key)}`
}

/** The one check for all three carriers. Never throws, whatever the text. */
export function verifyIdentity(text: unknown, keys: readonly SigningKey[], nowMs: number): Verified {
  if (typeof text !== 'string' || text.length > MAX_TEXT_LENGTH) return { refused: 'malformed' }
  const parts = text.split('.')
  const [version, keyId, body, signature] = parts
  if (parts.length !== 4 || version !== VERSION || !body || !signature) return { refused: 'malformed' }
  const key = keys.find((candidate) => candidate.id === keyId)
  if (key === undefined) return { refused: 'unknown-key' }
  const expected = Buffer.from(mac(`${version}.${keyId}.${body}`, key))
  const given = Buffer.from(signature)
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return { refused: 'forged' }
  let payload: Payload
  try {
    payload = JSON.parse(Buffer.from(body, 'base64url').toString())
  } catch {
    return { refused: 'malformed' }
  }
  if (payload.aud !== AUDIENCE) return { refused: 'wrong-audience' }
  if (!(payload.iat - MAX_SKEW_MS <= nowMs && nowMs <= payload.exp + MAX_SKEW_MS)) return { refused: 'stale' }
  if (payload.exp - payload.iat > IDENTITY_LIFETIME_MS) return { refused: 'stale' }
  const identity = toIdentity(payload)
  return identity === undefined ? { refused: 'malformed' } : { identity }
}

function toIdentity(payload: Payload): Identity | undefined {
  const { kind, app, sub: userId, dev: deviceId, cid: credentialId, cex: expiresAtMs } = payload
  if (kind === 'anonymous') return { kind, app }
  if (app === undefined || credentialId === undefined) return undefined
  if (kind === 'platform') return { kind, app, userId, deviceId, credentialId, expiresAtMs }
  if (kind === 'client' && userId !== undefined)
    return { kind, app, userId, deviceId, credentialId, expiresAtMs }
  return undefined
}

function mac(text: string, key: SigningKey): string {
  return createHmac('sha256', key.secret).update(text).digest('base64url')
}
