import type { Queryable } from './database.ts'

export type TokenRow = {
  digest: string
  userId: string
  issued: boolean
  createdAt: Date
  updatedAt: Date
  expiresAt: Date
}

const COLUMNS = `digest, user_id AS "userId", issued, created_at AS "createdAt", updated_at AS "updatedAt",
  expires_at AS "expiresAt"`

/**
 * Inserts a token or renews it. An expiry in the past takes it back, so the change says revoked.
 * @returns undefined where the token is another user's.
 * @throws DatabaseError FOREIGN_KEY_VIOLATION where there is no such user.
 */
export async function grantToken(
  db: Queryable,
  token: { digest: string; app: string; userId: string; issued: boolean; expiresAt: Date; now: Date },
): Promise<(TokenRow & { position: number }) | undefined> {
  const [row] = await db.query<TokenRow & { position: number }>(
    'grant-token',
    `WITH granted AS (
       INSERT INTO tokens (digest, app, user_id, issued, created_at, updated_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $5, $6)
       ON CONFLICT (digest) DO UPDATE
         SET updated_at = excluded.updated_at, expires_at = excluded.expires_at, revoked_at = NULL
         WHERE tokens.user_id = excluded.user_id
       RETURNING *
     )
     SELECT ${COLUMNS}, record_credential(
       app, CASE WHEN expires_at > $5 THEN 'granted' ELSE 'revoked' END, 'client-token', digest
     ) AS position
     FROM granted`,
    [token.digest, token.app, token.userId, token.issued, token.now, token.expiresAt],
  )
  return row
}

/** None given selects every live token of the user. */
export type TokenFilter = { digests?: string[]; except?: string }

/**
 * Revokes live tokens; positions ascend with the rows. The inner ORDER BY has a purpose: it makes every token
 * row be locked before the feed's row is, the order that `grantToken` locks in, so the two cannot deadlock.
 * @returns undefined where there is no such user.
 */
export async function revokeTokens(
  db: Queryable,
  app: string,
  userId: string,
  filter: TokenFilter,
  now: Date,
): Promise<(TokenRow & { position: number })[] | undefined> {
  const rows = await db.query<TokenRow & { position: number }>(
    'revoke-tokens',
    `WITH revoked AS (
       UPDATE tokens SET revoked_at = $5, updated_at = $5
       WHERE app = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $5
         AND ($3::text[] IS NULL OR digest = ANY ($3)) AND ($4::text IS NULL OR digest <> $4)
       RETURNING *
     )
     SELECT ${COLUMNS}, record_credential(app, 'revoked', 'client-token', digest) AS position
     FROM (SELECT * FROM revoked ORDER BY created_at, digest) AS ordered`,
    [app, userId, filter.digests ?? null, filter.except ?? null, now],
  )
  if (rows.length > 0) return rows
  const [user] = await db.query('user-exists', 'SELECT 1 FROM users WHERE app = $1 AND id = $2', [
    app,
    userId,
  ])
  return user === undefined ? undefined : rows
}

/**
 * Keeps a token revoked that never was a row: an app's own authentication would vouch for it still.
 * @returns undefined where there is a row of it.
 */
export async function insertRevokedToken(
  db: Queryable,
  token: { digest: string; app: string; userId: string; expiresAt: Date; now: Date },
): Promise<(TokenRow & { position: number }) | undefined> {
  const [row] = await db.query<TokenRow & { position: number }>(
    'insert-revoked-token',
    `WITH revoked AS (
       INSERT INTO tokens (digest, app, user_id, issued, created_at, updated_at, expires_at, revoked_at)
       VALUES ($1, $2, $3, false, $5, $5, $4, $5) ON CONFLICT (digest) DO NOTHING RETURNING *
     )
     SELECT ${COLUMNS}, record_credential(app, 'revoked', 'client-token', digest) AS position FROM revoked`,
    [token.digest, token.app, token.userId, token.expiresAt, token.now],
  )
  return row
}

/** Live tokens, newest first. */
export async function listTokens(
  db: Queryable,
  app: string,
  userId: string | undefined,
  now: Date,
  limit: number,
): Promise<{ totalCount: number; rows: TokenRow[] }> {
  const rows = await db.query<TokenRow & { totalCount: number }>(
    'list-tokens',
    `SELECT ${COLUMNS}, count(*) OVER () AS "totalCount" FROM tokens
     WHERE app = $1 AND revoked_at IS NULL AND expires_at > $2 AND ($4::text IS NULL OR user_id = $4)
     ORDER BY created_at DESC, digest LIMIT $3`,
    [app, now, limit, userId],
  )
  return { totalCount: rows[0]?.totalCount ?? 0, rows }
}

/** @returns false where there is no such user. */
export async function setDisabled(
  db: Queryable,
  app: string,
  userId: string,
  since: Date | undefined,
): Promise<boolean> {
  const rows = await db.query(
    'set-user-disabled',
    'UPDATE users SET disabled_at = $3 WHERE app = $1 AND id = $2 RETURNING id',
    [app, userId, since],
  )
  return rows.length > 0
}

export async function findDisabled(
  db: Queryable,
  app: string,
  userIds: readonly string[],
): Promise<Map<string, Date>> {
  const rows = await db.query<{ id: string; since: Date }>(
    'find-disabled',
    `SELECT id, disabled_at AS since FROM users
     WHERE app = $1 AND id = ANY($2::text[]) AND disabled_at IS NOT NULL`,
    [app, userIds],
  )
  return new Map(rows.map(({ id, since }) => [id, since]))
}

/** Records a change of every live token of a user, without changing one. @returns the last position */
export async function recordTokensOf(
  db: Queryable,
  app: string,
  userId: string,
  effect: 'granted' | 'revoked',
  now: Date,
): Promise<number | undefined> {
  const rows = await db.query<{ position: number }>(
    'record-tokens-of-user',
    `SELECT record_credential(app, $3, 'client-token', digest) AS position FROM tokens
     WHERE app = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $4 ORDER BY created_at, digest`,
    [app, userId, effect, now],
  )
  return rows.at(-1)?.position
}
