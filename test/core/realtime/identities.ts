import type { Identity } from '#contract/identity.ts'
import { parseSigningKeys, signIdentity, verifyIdentity } from '#contract/signature.ts'
import type { NamedIdentity } from '../../../core/realtime/sessions.ts'

const keys = parseSigningKeys(`test:${Buffer.alloc(32, 7).toString('base64url')}`)
const otherKeys = parseSigningKeys(`test:${Buffer.alloc(32, 8).toString('base64url')}`)

export const sign = (identity: Identity, nowMs = Date.now()): string => signIdentity(identity, keys, nowMs)
export const forge = (identity: Identity): string => signIdentity(identity, otherKeys, Date.now())
export const verifier = { verify: (text: unknown) => verifyIdentity(text, keys, Date.now()) }

export const anonymous: Identity = { kind: 'anonymous', app: 'shop' }

export const user = (userId: string, more: Partial<NamedIdentity> = {}): NamedIdentity => ({
  kind: 'client',
  app: 'shop',
  userId,
  deviceId: undefined,
  credentialId: `token-of-${userId}`,
  expiresAtMs: undefined,
  ...(more as object),
})

export const platform = (userId?: string): NamedIdentity => ({
  kind: 'platform',
  app: 'shop',
  userId,
  deviceId: undefined,
  credentialId: 'key-of-shop',
  expiresAtMs: undefined,
})
