/**
 * Client tokens: issued by us, or bound by the customer. Both are rows, of which only a digest is kept. Every
 * change answers with its position in the feed of credential changes; a caller passes it on to the gateway.
 */
import { randomBytes } from 'node:crypto'
import { credentialDigest, MAX_CREDENTIAL_BYTES } from '#contract/credential.ts'
import { CoreError } from '../errors.ts'
import { recordChange } from '../store/credential-changes.ts'
import { DatabaseError, FOREIGN_KEY_VIOLATION } from '../store/database.ts'
import { revokeForeignTokens } from '../store/provisioning.ts'
import type { TokenRow } from '../store/tokens.ts'
import * as store from '../store/tokens.ts'
import { hasForeignTokens } from './app-settings.ts'
import type { CredentialContext } from './context.ts'
import { parseExpiration } from './expiration.ts'
import { signToken, type TokenSubject } from './jwt.ts'

/** A token as it may be shown: `token` is the secret only where the caller gave it or it was made just now. */
export type Token = {
  credentialId: string
  token: string
  userId: string
  issued: boolean
  createdAt: Date
  updatedAt: Date
  expiresAt: Date
}

export type TokenChange = { tokens: Token[]; position: number | undefined }
export type GrantedToken = { token: Token; position: number }

/** Which of a user's tokens to revoke. */
export type TokenSelection =
  | { token: string }
  /** A token that was just used; `expiresAtMs` is what its identity says, should it be no row. */
  | { credentialId: string; expiresAtMs?: number | undefined }
  | { allBut: string /* a credential id */ }
  | 'all'

const END_OF_TIME_MS = Date.UTC(9999, 11, 31)
const REFERENCE_PREFIX = 'sha256:'
const REFERENCE = /^sha256:([A-Za-z0-9_-]{43})$/
/** The gateway takes these for "no token", as shipped clients send them. */
const ABSENT = new Set(['', 'undefined', 'null'])

/** Issues a JWT to a user that exists. @throws CoreError CLIENT_NOT_FOUND */
export async function issueToken(
  ctx: CredentialContext,
  app: string,
  subject: TokenSubject,
): Promise<GrantedToken & { exp: number }> {
  const issuedAt = Math.floor(ctx.clock() / 1_000)
  const exp = issuedAt + Math.floor(ctx.tokenLifetimeMs / 1_000)
  const secret = await signToken(subject, issuedAt, exp, ctx.jwtSecret)
  const granted = await grant(ctx, app, subject.id, secret, new Date(exp * 1_000), true)
  return { ...granted, exp }
}

/**
 * Binds a token of the customer's making to a user that exists; again for the same user renews it, after a
 * revocation too.
 * @throws CoreError CLIENT_NOT_FOUND, TOKEN_CONFLICT, MISSING_PARAMETER, INVALID_REQUEST
 */
export async function bindToken(
  ctx: CredentialContext,
  app: string,
  input: { userId: string; token: unknown; expirationDate?: unknown },
): Promise<GrantedToken> {
  const secret = parseToken(input.token)
  const expiresAt = parseExpiration(input.expirationDate) ?? new Date(ctx.clock() + ctx.tokenLifetimeMs)
  return grant(ctx, app, input.userId, secret, expiresAt, false)
}

/**
 * Revokes tokens of a user, at once. A listed token's reference (`sha256:…`) names it as well as its secret. One that
 * is no row, because the app's own authentication vouches for it, becomes a revoked one.
 * @throws CoreError CLIENT_NOT_FOUND; TOKEN_NOT_FOUND where one token was named and is not live
 */
export async function revokeTokens(
  ctx: CredentialContext,
  app: string,
  userId: string,
  selection: TokenSelection,
): Promise<TokenChange> {
  const now = new Date(ctx.clock())
  const given =
    typeof selection === 'object' && 'token' in selection ? parseToken(selection.token) : undefined
  const foreign = await foreignTokenOf(ctx, app, selection)
  const { rows, position } = await ctx.db.transaction(async (tx) => {
    // Before the tokens' rows are locked, as a disablement does it.
    if (selection === 'all') await revokeForeignTokens(tx, app, userId, now)
    let rows = await store.revokeTokens(tx, app, userId, toFilter(app, selection), now)
    if (rows === undefined) throw new CoreError('CLIENT_NOT_FOUND')
    if (rows.length === 0 && foreign !== undefined) {
      const row = await store.insertRevokedToken(tx, { ...foreign, app, userId, now })
      if (row !== undefined) rows = [row]
    }
    if (rows.length === 0 && given !== undefined) throw new CoreError('TOKEN_NOT_FOUND')
    // "All" also cuts what lives on credentials that never were rows here (an external auth service's tokens).
    if (selection === 'all')
      return { rows, position: await recordChange(tx, { subject: 'user', app, userId }) }
    return { rows, position: rows.at(-1)?.position }
  })
  if (position !== undefined) ctx.nudge()
  return { tokens: rows.map((row) => present(row, given)), position }
}

/** The live tokens of an app, or of one of its users, newest first; at most `limit` of `totalCount`. */
export async function listTokens(
  ctx: CredentialContext,
  app: string,
  userId?: string,
  limit = 1_000,
): Promise<{ totalCount: number; tokens: Token[] }> {
  const { totalCount, rows } = await store.listTokens(ctx.db, app, userId, new Date(ctx.clock()), limit)
  return { totalCount, tokens: rows.map((row) => present(row)) }
}

const RANDOM_BYTES = { least: 8, most: 1_024, usual: 16 }

/** A random token that is bound to nobody yet. `size` as it came in the query. */
export function randomToken(size: unknown = RANDOM_BYTES.usual): string {
  const bytes = Number(size)
  if (!Number.isInteger(bytes) || bytes < RANDOM_BYTES.least || bytes > RANDOM_BYTES.most)
    throw new CoreError(
      'INVALID_QUERY',
      `"size" is a number of bytes, ${RANDOM_BYTES.least} to ${RANDOM_BYTES.most}.`,
    )
  return randomBytes(bytes).toString('base64')
}

async function grant(
  ctx: CredentialContext,
  app: string,
  userId: string,
  secret: string,
  expiresAt: Date,
  issued: boolean,
): Promise<GrantedToken> {
  const digest = credentialDigest('client-token', app, secret)
  const now = new Date(ctx.clock())
  try {
    const row = await store.grantToken(ctx.db, { digest, app, userId, issued, expiresAt, now })
    if (row === undefined) throw new CoreError('TOKEN_CONFLICT')
    ctx.nudge()
    return { token: present(row, secret), position: row.position }
  } catch (error) {
    if (error instanceof DatabaseError && error.sqlState === FOREIGN_KEY_VIOLATION)
      throw new CoreError('CLIENT_NOT_FOUND', undefined, { cause: error })
    throw error
  }
}

/** One token that may be no row; what says when it ends, else never. */
async function foreignTokenOf(
  ctx: CredentialContext,
  app: string,
  selection: TokenSelection,
): Promise<{ digest: string; expiresAt: Date } | undefined> {
  if (selection === 'all' || 'allBut' in selection) return undefined
  if ('credentialId' in selection)
    return { digest: selection.credentialId, expiresAt: new Date(selection.expiresAtMs ?? END_OF_TIME_MS) }
  if (REFERENCE.test(selection.token) || !(await hasForeignTokens(ctx, app))) return undefined
  const digest = credentialDigest('client-token', app, selection.token)
  return { digest, expiresAt: new Date(END_OF_TIME_MS) }
}

function parseToken(token: unknown): string {
  if (typeof token !== 'string' || ABSENT.has(token))
    throw new CoreError('MISSING_PARAMETER', '"token" is needed.')
  if (Buffer.byteLength(token) > MAX_CREDENTIAL_BYTES)
    throw new CoreError('INVALID_REQUEST', `"token" has more than ${MAX_CREDENTIAL_BYTES} bytes.`)
  return token
}

function toFilter(app: string, selection: TokenSelection): store.TokenFilter {
  if (selection === 'all') return {}
  if ('allBut' in selection) return { except: selection.allBut }
  if ('credentialId' in selection) return { digests: [selection.credentialId] }
  const [, referenced] = REFERENCE.exec(selection.token) ?? []
  const digest = credentialDigest('client-token', app, selection.token)
  return { digests: referenced === undefined ? [digest] : [digest, referenced] }
}

function present(row: TokenRow, secret?: string): Token {
  const { digest, userId, issued, createdAt, updatedAt, expiresAt } = row
  return {
    credentialId: digest,
    token: secret ?? `${REFERENCE_PREFIX}${digest}`,
    userId,
    issued,
    createdAt,
    updatedAt,
    expiresAt,
  }
}
