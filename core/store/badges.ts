/** Whose unread total has changed and is to be told outside; a user is due once, however much changes. */
import type { Queryable } from './database.ts'

export type BadgeDue = { app: string; userId: string; version: number; attempts: number }

type Place = { app: string; roomId: string }

/** Sorted, so that two of these cannot deadlock; a due that nobody works on needs no write. */
const MARK = `INSERT INTO badge_dues AS due (app, user_id, next_at)`
const MARKED = `ON CONFLICT (app, user_id) DO UPDATE SET version = due.version + 1 WHERE due.claimed`

export async function markRoomsDue(tx: Queryable, rooms: readonly Place[], nextAt: Date): Promise<void> {
  if (rooms.length === 0) return
  await tx.query(
    'badges-mark-rooms',
    `${MARK} SELECT DISTINCT m.app, m.user_id, $3::timestamptz
     FROM unnest($1::text[], $2::text[]) AS given (app, room_id)
     JOIN members m ON m.app = given.app AND m.room_id = given.room_id ORDER BY 1, 2
     ${MARKED}`,
    [rooms.map((room) => room.app), rooms.map((room) => room.roomId), nextAt],
  )
}

export async function markUsersDue(
  tx: Queryable,
  users: ReadonlyArray<{ app: string; userId: string }>,
  nextAt: Date,
): Promise<void> {
  if (users.length === 0) return
  await tx.query(
    'badges-mark-users',
    `${MARK} SELECT DISTINCT app, user_id, $3::timestamptz
     FROM unnest($1::text[], $2::text[]) AS given (app, user_id) ORDER BY 1, 2
     ${MARKED}`,
    [users.map((user) => user.app), users.map((user) => user.userId), nextAt],
  )
}

export async function claimDues(q: Queryable, limit: number, at: Date, until: Date): Promise<BadgeDue[]> {
  return q.query<BadgeDue>(
    'badges-claim',
    `UPDATE badge_dues SET claimed = true, next_at = $3, attempts = attempts + 1 WHERE (app, user_id) IN (
       SELECT app, user_id FROM badge_dues WHERE next_at <= $2 ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED)
     RETURNING app, user_id AS "userId", version, attempts`,
    [limit, at, until],
  )
}

/** Told; due again at once where the total has changed meanwhile. */
export async function settleDue(q: Queryable, due: BadgeDue, at: Date): Promise<void> {
  const settled = await q.query(
    'badges-settle',
    'DELETE FROM badge_dues WHERE app = $1 AND user_id = $2 AND version = $3 RETURNING app',
    [due.app, due.userId, due.version],
  )
  if (settled.length > 0) return
  await q.query(
    'badges-again',
    `UPDATE badge_dues SET claimed = false, attempts = 0, next_at = $3 WHERE app = $1 AND user_id = $2`,
    [due.app, due.userId, at],
  )
}

export async function postponeDue(q: Queryable, due: BadgeDue, nextAt: Date): Promise<void> {
  await q.query(
    'badges-postpone',
    'UPDATE badge_dues SET claimed = false, next_at = $3 WHERE app = $1 AND user_id = $2',
    [due.app, due.userId, nextAt],
  )
}

/** Unread totals of several users; who has none is left out. */
export async function unreadTotals(
  q: Queryable,
  app: string,
  userIds: readonly string[],
): Promise<Map<string, number>> {
  if (userIds.length === 0) return new Map()
  const rows = await q.query<{ userId: string; total: number }>(
    'badges-totals',
    `SELECT m.user_id AS "userId", sum(GREATEST(r.counted - m.read_counted, 0)) AS total
     FROM members m JOIN rooms r ON r.app = m.app AND r.id = m.room_id
     WHERE m.app = $1 AND m.user_id = ANY($2::text[]) AND r.status = 1 GROUP BY m.user_id`,
    [app, userIds],
  )
  return new Map(rows.map((row) => [row.userId, row.total]))
}
