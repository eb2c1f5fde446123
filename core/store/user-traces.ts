/** What is kept of a user's contacts with the server: for the user and the customer alone. */
import type { Queryable } from './database.ts'

export type UserTraces = {
  /** Of the last login by socket. */
  address: Record<string, unknown> | null
  userAgent: string | null
  /** When the user last made or joined a room. */
  lastRoomAt: Date | null
}

export async function findTraces(
  q: Queryable,
  app: string,
  ids: readonly string[],
): Promise<Map<string, UserTraces>> {
  if (ids.length === 0) return new Map()
  const rows = await q.query<UserTraces & { id: string }>(
    'users-traces',
    `SELECT id, address, user_agent AS "userAgent", last_room_at AS "lastRoomAt" FROM users
     WHERE app = $1 AND id = ANY($2::text[])`,
    [app, ids],
  )
  return new Map(rows.map(({ id, ...traces }) => [id, traces]))
}

/** The last lock of its transaction, so that it cannot be part of a deadlock. */
export async function noteRoom(tx: Queryable, app: string, userId: string, at: Date): Promise<void> {
  await tx.query('users-note-room', 'UPDATE users SET last_room_at = $3 WHERE app = $1 AND id = $2', [
    app,
    userId,
    at,
  ])
}
