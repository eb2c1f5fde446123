import type { Queryable } from './database.ts'

export type UserPref = { key: string; content: unknown }

export async function findUserPrefs(q: Queryable, app: string, userId: string): Promise<UserPref[]> {
  return q.query<UserPref>(
    'user-prefs-all',
    'SELECT key, content FROM user_prefs WHERE app = $1 AND user_id = $2 ORDER BY key',
    [app, userId],
  )
}

export type PrefLimits = { keys: number; bytes: number }

/** @returns false where it, and what the user has kept already, is too much. */
export async function putUserPref(
  q: Queryable,
  app: string,
  userId: string,
  pref: UserPref,
  limits: PrefLimits,
  at: Date,
): Promise<boolean> {
  const rows = await q.query(
    'user-prefs-put',
    `INSERT INTO user_prefs (app, user_id, key, content, updated_at)
     SELECT $1, $2, $3, $4::text::json, $5::timestamptz FROM (
       SELECT count(*) AS keys, COALESCE(sum(octet_length(content::text)), 0) AS bytes
       FROM user_prefs WHERE app = $1 AND user_id = $2 AND key <> $3
     ) others WHERE others.keys < $6::int AND others.bytes + octet_length($4::text) <= $7::int
     ON CONFLICT (app, user_id, key) DO UPDATE SET content = excluded.content, updated_at = excluded.updated_at
     RETURNING key`,
    [app, userId, pref.key, JSON.stringify(pref.content), at, limits.keys, limits.bytes],
  )
  return rows.length === 1
}

export async function deleteUserPref(q: Queryable, app: string, userId: string, key: string): Promise<void> {
  await q.query('user-prefs-delete', 'DELETE FROM user_prefs WHERE app = $1 AND user_id = $2 AND key = $3', [
    app,
    userId,
    key,
  ])
}
