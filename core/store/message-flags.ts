/** Pins, and what those who manage a room have hidden. Needs the room's lock. */
import type { Queryable } from './database.ts'
import { MESSAGE_COLUMNS, type MessageRow } from './messages.ts'

type Place = { roomId: string; id: string }

/** @returns whether it was otherwise before. */
export async function setPinned(
  tx: Queryable,
  app: string,
  place: Place,
  pinned: boolean,
  at: Date,
): Promise<boolean> {
  const rows = await tx.query(
    'flags-pin',
    `UPDATE messages SET pinned_at = CASE WHEN $4::boolean THEN $5::timestamptz END,
       updated_at = GREATEST(updated_at, $5)
     WHERE app = $1 AND room_id = $2 AND id = $3 AND (pinned_at IS NOT NULL) <> $4 RETURNING id`,
    [app, place.roomId, place.id, pinned, at],
  )
  return rows.length === 1
}

/** @returns whether it was otherwise before. */
export async function setHidden(
  tx: Queryable,
  app: string,
  place: Place,
  hidden: boolean,
  at: Date,
): Promise<boolean> {
  const rows = await tx.query(
    'flags-hide',
    `UPDATE messages SET hidden = $4, updated_at = GREATEST(updated_at, $5::timestamptz)
     WHERE app = $1 AND room_id = $2 AND id = $3 AND hidden <> $4::boolean RETURNING id`,
    [app, place.roomId, place.id, hidden, at],
  )
  return rows.length === 1
}

/** A sender's messages of a room whose flag is the other way, the newest first. */
export async function findByHidden(
  tx: Queryable,
  app: string,
  roomId: string,
  senderId: string,
  hidden: boolean,
  limit: number,
): Promise<MessageRow[]> {
  return tx.query<MessageRow>(
    'flags-by-sender',
    `SELECT ${MESSAGE_COLUMNS} FROM messages
     WHERE app = $1 AND room_id = $2 AND sender_id = $3 AND hidden = $4::boolean ORDER BY seq DESC LIMIT $5`,
    [app, roomId, senderId, hidden, limit],
  )
}

/** The latest pin first. */
export async function findPinned(
  q: Queryable,
  app: string,
  roomId: string,
  limit: number,
): Promise<MessageRow[]> {
  return q.query<MessageRow>(
    'flags-pinned',
    `SELECT ${MESSAGE_COLUMNS} FROM messages
     WHERE app = $1 AND room_id = $2 AND pinned_at IS NOT NULL ORDER BY messages.pinned_at DESC, seq DESC LIMIT $3`,
    [app, roomId, limit],
  )
}
