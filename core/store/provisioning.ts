import type { Queryable } from './database.ts'

/** One statement and so one snapshot, of a user or of there being none (`id` null). */
export type ProvisionSnapshot = {
  position: number
  id: string | null
  nickname: string | null
  avatarUrl: string | null
  disabledAt: Date | null
  tokensRevokedAt: Date | null
}

export const snapshotUser = (db: Queryable, app: string, userId: string): Promise<ProvisionSnapshot[]> =>
  db.query<ProvisionSnapshot>(
    'snapshot-user',
    `SELECT feed.position, users.id, users.nickname, users.avatar_url AS "avatarUrl",
       users.disabled_at AS "disabledAt", users.tokens_revoked_at AS "tokensRevokedAt"
     FROM feed LEFT JOIN users ON users.app = $1 AND users.id = $2`,
    [app, userId],
  )

/** Tokens that were issued until now, and are no rows, are refused. @returns false where there is no such user. */
export async function revokeForeignTokens(
  db: Queryable,
  app: string,
  userId: string,
  now: Date,
): Promise<boolean> {
  const rows = await db.query(
    'revoke-foreign-tokens',
    'UPDATE users SET tokens_revoked_at = $3 WHERE app = $1 AND id = $2 RETURNING id',
    [app, userId, now],
  )
  return rows.length > 0
}
