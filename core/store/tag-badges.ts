import type { Queryable } from './database.ts'

export type TaggedUnread = { tags: string[]; unread: number }

/**
 * Unread messages of each of the user's rooms that has some and is not frozen. With a time: of those from before it,
 * counted up to the last message that has not changed since.
 */
export async function unreadByRoom(
  q: Queryable,
  app: string,
  userId: string,
  request: { tags: readonly string[]; before: Date | undefined; limit: number },
): Promise<TaggedUnread[]> {
  return q.query<TaggedUnread>(
    'badges-by-room',
    `SELECT r.room_tags AS tags, GREATEST(COALESCE(until.counted, r.counted) - m.read_counted, 0) AS unread
     FROM members m JOIN rooms r ON r.app = m.app AND r.id = m.room_id
     LEFT JOIN LATERAL (
       SELECT COALESCE(max(counted), 0) AS counted FROM (
         SELECT counted FROM messages
         WHERE app = r.app AND room_id = r.id AND updated_at < $4 ORDER BY updated_at DESC, seq DESC LIMIT 1
       ) earlier
     ) until ON $4::timestamptz IS NOT NULL AND r.active_at >= $4
     WHERE m.app = $1 AND m.user_id = $2 AND r.status = 1 AND r.counted > m.read_counted
       AND (cardinality($3::text[]) = 0 OR r.room_tags && $3) LIMIT $5`,
    [app, userId, request.tags, request.before, request.limit],
  )
}

/** Unread totals of those of the users that there are. */
export async function unreadOfUsers(
  q: Queryable,
  app: string,
  userIds: readonly string[],
): Promise<Array<{ userId: string; unread: number }>> {
  return q.query<{ userId: string; unread: number }>(
    'badges-of-users',
    `SELECT u.id AS "userId", COALESCE((
       SELECT sum(GREATEST(r.counted - m.read_counted, 0)) FROM members m JOIN rooms r ON r.app = m.app AND r.id = m.room_id
       WHERE m.app = u.app AND m.user_id = u.id AND r.status = 1), 0) AS unread
     FROM users u WHERE u.app = $1 AND u.id = ANY($2::text[]) ORDER BY u.id`,
    [app, userIds],
  )
}

/** Whose these live tokens are. */
export async function findTokenUsers(
  q: Queryable,
  app: string,
  digests: readonly string[],
  at: Date,
): Promise<string[]> {
  const rows = await q.query<{ id: string }>(
    'badges-token-users',
    `SELECT DISTINCT user_id AS id FROM tokens
     WHERE app = $1 AND digest = ANY($2::text[]) AND revoked_at IS NULL AND expires_at > $3`,
    [app, digests, at],
  )
  return rows.map((row) => row.id)
}
