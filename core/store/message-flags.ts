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

/**
 * Hides, or shows, the newest messages of a sender that are not so yet, each with its place among the room's changes;
 * what follows it follows once for all of them.
 * @returns those that changed
 */
export async function setHiddenBySender(
  tx: Queryable,
  app: string,
  place: { roomId: string; senderId: string },
  hidden: boolean,
  limit: number,
  at: Date,
): Promise<MessageRow[]> {
  return tx.query<MessageRow>(
    'flags-hide-sender',
    `WITH chosen AS (
       SELECT id AS message_id, row_number() OVER (ORDER BY seq) AS place FROM (
         SELECT id, seq FROM messages WHERE app = $1 AND room_id = $2 AND sender_id = $3 AND hidden <> $4::boolean
         ORDER BY seq DESC LIMIT $5
       ) newest
     ), room AS (
       UPDATE rooms SET ev_seq = ev_seq + (SELECT count(*) FROM chosen) WHERE app = $1 AND id = $2
       RETURNING rooms.ev_seq - (SELECT count(*) FROM chosen) AS before
     ), events AS (
       INSERT INTO room_events (app, room_id, ev_seq, kind, message_id, at)
       SELECT $1, $2, room.before + chosen.place, 'hidden', chosen.message_id, $6 FROM room, chosen
     ), queued AS (
       INSERT INTO outbox (shard, topic, app, room_id, payload, created_at)
       SELECT hashtextextended($2, 0) & 63, 'message-changed', $1, $2,
         jsonb_build_object('messageId', chosen.message_id, 'evSeq', room.before + chosen.place, 'kind', 'hidden'), $6
       FROM room, chosen ORDER BY chosen.place DESC LIMIT 1
     )
     UPDATE messages SET hidden = $4, ev_seq = room.before + chosen.place,
       updated_at = GREATEST(updated_at, $6::timestamptz)
     FROM room, chosen
     WHERE messages.app = $1 AND messages.room_id = $2 AND messages.id = chosen.message_id
     RETURNING ${MESSAGE_COLUMNS}`,
    [app, place.roomId, place.senderId, hidden, limit, at],
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
