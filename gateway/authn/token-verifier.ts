import type { AppAuthentication } from '#contract/internal.ts'

/** Whom an app's own authentication vouches for. */
export type VouchedUser = {
  userId: string
  nickname: string | undefined
  avatarUrl: string | undefined
  issuedAtMs: number | undefined
  /** The token's end; undefined = it has none that we know of. */
  expiresAtMs: number | undefined
  /** How long the gateway may go without asking again. */
  cacheMs: number
}

/** `null`: the token is bad. */
export type Verdict = VouchedUser | null

/**
 * Proves client tokens that are no rows of ours. As with an authenticator, a bad token is a value and broken machinery
 * is an exception; undefined = nothing of the kind is configured, or the token is none of its kind.
 */
export type TokenVerifier = {
  name: string
  verify(token: string, app: string, configured: AppAuthentication): Promise<Verdict> | undefined
}

const MAX_USER_ID_LENGTH = 256
const MAX_NICKNAME_LENGTH = 1_024
const MAX_AVATAR_URL_LENGTH = 16_384

/** What no database text can hold, or no two systems read alike. */
const UNSAFE = /\p{Cc}/u

/** A user id of a claim or an answer: a text, or a whole number. Undefined where it cannot be one. */
export function parseVouchedId(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  if (typeof value !== 'string' || value === '' || value.length > MAX_USER_ID_LENGTH) return undefined
  return UNSAFE.test(value) || !value.isWellFormed() ? undefined : value
}

/** A profile that cannot be kept is no reason to lock its user out: it is left as it was. */
export function parseVouchedProfile(claims: { nickname?: unknown; avatarUrl?: unknown }): {
  nickname: string | undefined
  avatarUrl: string | undefined
} {
  return {
    nickname: parseProfileText(claims.nickname, MAX_NICKNAME_LENGTH),
    avatarUrl: parseProfileText(claims.avatarUrl, MAX_AVATAR_URL_LENGTH),
  }
}

function parseProfileText(value: unknown, maxLength: number): string | undefined {
  return typeof value === 'string' &&
    value.length <= maxLength &&
    !value.includes('\0') &&
    value.isWellFormed()
    ? value
    : undefined
}

/** Milliseconds, of an `exp` or `iat` claim (seconds). Undefined where it is no time. */
export function parseTimeClaim(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  const ms = Math.floor(value * 1_000)
  return Number.isSafeInteger(ms) ? ms : undefined
}
