import type { Queryable } from './database.ts'

export type UserPref = { key: string; content: unknown }

export async function findUserPrefs(q: Queryable, app: string, userId: string): Promise<UserPref[]> {
  return q.query<UserPref>(
    'user-prefs-all',
    'SELECT key, content FROM user_prefs WHERE app = $1 AND user_id = $2 ORDER BY key',
    [app, userId],
  )
}

export async function putUserPref(
  q: Queryable,
  app: string,
  userId: string,
  pref: UserPref,
  at: Date,
): Promise<void> {
  await q.query(
    'user-prefs-put',
    `INSERT INTO user_prefs (app, user_id, key, content, updated_at) VALUES ($1, $2, $3, $4::json, $5)
     ON CONFLICT (app, user_id, key) DO UPDATE SET content = excluded.content, updated_at = excluded.updated_at`,
    [app, userId, pref.key, JSON.stringify(pref.content), at],
  )
}

export async function deleteUserPref(q: Queryable, app: string, userId: string, key: string): Promise<void> {
  await q.query('user-prefs-delete', 'DELETE FROM user_prefs WHERE app = $1 AND user_id = $2 AND key = $3', [
    app,
    userId,
    key,
  ])
}
