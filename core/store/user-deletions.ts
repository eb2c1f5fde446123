/** What users have deleted for themselves alone: single messages, and all of a room up to a seq. */
import type { Queryable } from './database.ts'

/** @returns those that are messages of the room. */
export async function deleteForUser(
  q: Queryable,
  app: string,
  userId: string,
  roomId: string,
  messageIds: readonly string[],
  at: Date,
): Promise<string[]> {
  const rows = await q.query<{ id: string }>(
    'user-deletions-add',
    `INSERT INTO user_deletions (app, user_id, room_id, message_id, created_at, updated_at)
     SELECT $1, $2, $3, id, $5, $5 FROM messages
     WHERE app = $1 AND room_id = $3 AND id = ANY($4::text[]) ORDER BY id
     ON CONFLICT (app, user_id, room_id, message_id) DO UPDATE SET updated_at = excluded.updated_at
     RETURNING message_id AS id`,
    [app, userId, roomId, messageIds, at],
  )
  return rows.map((row) => row.id)
}

/** Clears the room up to its end for the user. @returns undefined where there is no such room. */
export async function clearForUser(
  q: Queryable,
  app: string,
  userId: string,
  roomId: string,
  at: Date,
): Promise<{ seq: number; messageCount: number } | undefined> {
  const [row] = await q.query<{ seq: number; messageCount: number }>(
    'user-deletions-clear',
    `WITH cleared AS (
       INSERT INTO user_clearings (app, user_id, room_id, seq, cleared_at)
       SELECT $1, $2, $3, last_seq, $4 FROM rooms WHERE app = $1 AND id = $3
       ON CONFLICT (app, user_id, room_id) DO UPDATE
         SET seq = GREATEST(user_clearings.seq, excluded.seq), cleared_at = excluded.cleared_at
       RETURNING seq
     ), covered AS (
       DELETE FROM user_deletions WHERE app = $1 AND user_id = $2 AND room_id = $3
     )
     SELECT cleared.seq, r.message_count AS "messageCount" FROM cleared, rooms r WHERE r.app = $1 AND r.id = $3`,
    [app, userId, roomId, at],
  )
  return row
}

export type UserDeletion = { messageId: string; createdAt: Date; updatedAt: Date }

/** The newest messages first. `totalCount` counts no further than `limit`. */
export async function listUserDeletions(
  q: Queryable,
  app: string,
  userId: string,
  roomId: string,
  limit: number,
): Promise<UserDeletion[]> {
  return q.query<UserDeletion>(
    'user-deletions-list',
    `SELECT * FROM (
       (SELECT message_id AS "messageId", created_at AS "createdAt", updated_at AS "updatedAt" FROM user_deletions
        WHERE app = $1 AND user_id = $2 AND room_id = $3 ORDER BY message_id DESC LIMIT $4)
       UNION ALL
       (SELECT m.id, c.cleared_at, c.cleared_at
        FROM user_clearings c JOIN messages m ON m.app = c.app AND m.room_id = c.room_id AND m.seq <= c.seq
        WHERE c.app = $1 AND c.user_id = $2 AND c.room_id = $3 ORDER BY m.seq DESC LIMIT $4)
     ) every ORDER BY "messageId" DESC LIMIT $4`,
    [app, userId, roomId, limit],
  )
}

/** Which of these messages the user has deleted for themselves. */
export async function findUserDeletions(
  q: Queryable,
  app: string,
  userId: string,
  places: ReadonlyArray<{ roomId: string; id: string; seq: number }>,
): Promise<Set<string>> {
  if (places.length === 0) return new Set()
  const rows = await q.query<{ id: string }>(
    'user-deletions-among',
    `SELECT given.id FROM unnest($3::text[], $4::text[], $5::bigint[]) AS given (room_id, id, seq)
     WHERE EXISTS (SELECT FROM user_deletions d
         WHERE d.app = $1 AND d.user_id = $2 AND d.room_id = given.room_id AND d.message_id = given.id)
       OR EXISTS (SELECT FROM user_clearings c
         WHERE c.app = $1 AND c.user_id = $2 AND c.room_id = given.room_id AND c.seq >= given.seq)`,
    [
      app,
      userId,
      places.map((place) => place.roomId),
      places.map((place) => place.id),
      places.map((place) => place.seq),
    ],
  )
  return new Set(rows.map((row) => row.id))
}
