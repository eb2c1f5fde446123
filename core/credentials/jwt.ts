import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { MAX_CREDENTIAL_BYTES } from '#contract/credential.ts'

export type TokenSubject = { id: string; nickname?: string | undefined; avatarUrl?: string | undefined }

/**
 * The token that web clients decode to learn their user id (`id`). It is valid by its row, not by its signature.
 * A profile too long for a credential is left out of it: what the gateway refuses for its length is no use.
 */
export async function signToken(
  { id, nickname, avatarUrl }: TokenSubject,
  issuedAt: number,
  exp: number,
  secret: Uint8Array,
): Promise<string> {
  const whole = await sign({ id, nickname, avatarUrl }, issuedAt, exp, secret)
  return whole.length <= MAX_CREDENTIAL_BYTES ? whole : sign({ id }, issuedAt, exp, secret)
}

/** `jti` keeps two tokens apart that one user is issued within one second. */
const sign = (claims: TokenSubject, issuedAt: number, exp: number, secret: Uint8Array) =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt(issuedAt)
    .setExpirationTime(exp)
    .setJti(randomUUID())
    .sign(secret)
