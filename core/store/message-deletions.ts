/** Deletion for all. A deleted message leaves its place behind, so that cursors on it still page. Needs the room's lock. */
import type { Queryable } from './database.ts'
import type { Place } from './message-pages.ts'

export type Deleted = { messageIds: string[]; evSeq: number }

/**
 * Takes messages away and gives each its event; what follows a deletion follows once for all of them. Whoever had not read one has one less to read; where the last
 * message goes, the one before it becomes the last.
 * @returns what was there, in the order of their events
 */
export async function deleteMessages(
  tx: Queryable,
  app: string,
  roomId: string,
  messageIds: readonly string[],
  uncounted: readonly string[],
  at: Date,
): Promise<Deleted> {
  const rows = await tx.query<{ id: string; seq: number; counts: boolean }>(
    'deletions-delete',
    `WITH gone AS (
       DELETE FROM messages WHERE app = $1 AND room_id = $2 AND id = ANY($3::text[])
       RETURNING id, seq, updated_at, message_type
     ), marked AS (
       INSERT INTO deleted_messages (app, room_id, message_id, seq, updated_at, deleted_at)
       SELECT $1, $2, id, seq, updated_at, $5 FROM gone
     ), pruned AS (
       DELETE FROM reactions WHERE app = $1 AND room_id = $2 AND message_id = ANY($3)
     ), forgotten AS (
       DELETE FROM user_deletions WHERE app = $1 AND room_id = $2 AND message_id = ANY($3)
     )
     SELECT id, seq, NOT message_type = ANY($4::text[]) AS counts FROM gone ORDER BY seq`,
    [app, roomId, messageIds, uncounted, at],
  )
  const ids = rows.map((row) => row.id)
  const [room] = await tx.query<{ evSeq: number }>(
    'deletions-record',
    `WITH room AS (
       UPDATE rooms SET ev_seq = ev_seq + cardinality($3::text[]),
         message_count = message_count - cardinality($3::text[]),
         last_message_seq = (SELECT max(seq) FROM messages WHERE app = $1 AND room_id = $2)
       WHERE app = $1 AND id = $2 RETURNING ev_seq, ev_seq - cardinality($3::text[]) AS before
     ), events AS (
       INSERT INTO room_events (app, room_id, ev_seq, kind, message_id, at)
       SELECT $1, $2, room.before + given.place, 'deleted', given.id, $4
       FROM room, unnest($3::text[]) WITH ORDINALITY AS given (id, place)
     ), queued AS (
       INSERT INTO outbox (shard, topic, app, room_id, payload, created_at)
       SELECT hashtextextended($2, 0) & 63, 'message-changed', $1, $2,
         jsonb_build_object('messageId', given.id, 'evSeq', room.before + given.place, 'kind', 'deleted'), $4
       FROM room, unnest($3::text[]) WITH ORDINALITY AS given (id, place) ORDER BY given.place DESC LIMIT 1
     )
     SELECT ev_seq AS "evSeq" FROM room`,
    [app, roomId, ids, at],
  )
  const counted = rows.filter((row) => row.counts).map((row) => row.seq)
  if (counted.length > 0) await takeFromUnread(tx, app, roomId, counted)
  return { messageIds: ids, evSeq: room?.evSeq ?? 0 }
}

async function takeFromUnread(
  tx: Queryable,
  app: string,
  roomId: string,
  seqs: readonly number[],
): Promise<void> {
  await tx.query(
    'deletions-unread',
    `UPDATE members m SET read_counted = LEAST(r.counted, m.read_counted + (
       SELECT count(*) FROM unnest($3::bigint[]) AS seq WHERE seq > m.read_seq))
     FROM rooms r
     WHERE m.app = $1 AND m.room_id = $2 AND r.app = $1 AND r.id = $2 AND m.read_seq < $4::bigint`,
    [app, roomId, seqs, Math.max(...seqs)],
  )
}

/** Everyone has read all there is: the first step of clearing a room. */
export async function readAll(tx: Queryable, app: string, roomId: string): Promise<void> {
  await tx.query(
    'deletions-read-all',
    `UPDATE members m SET read_seq = r.last_seq, read_counted = r.counted
     FROM rooms r WHERE m.app = $1 AND m.room_id = $2 AND r.app = $1 AND r.id = $2 AND m.read_counted < r.counted`,
    [app, roomId],
  )
}

/** The oldest messages up to a seq. */
export async function findOldest(
  tx: Queryable,
  app: string,
  roomId: string,
  upTo: number,
  limit: number,
): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    'deletions-oldest',
    `SELECT id FROM messages WHERE app = $1 AND room_id = $2 AND seq <= $3 ORDER BY seq LIMIT $4`,
    [app, roomId, upTo, limit],
  )
  return rows.map((row) => row.id)
}

/** Where a deleted message was. */
export async function findDeletedPlace(
  q: Queryable,
  app: string,
  roomId: string,
  messageId: string,
): Promise<Place | undefined> {
  const [row] = await q.query<Place>(
    'deletions-place',
    `SELECT seq, updated_at AS "updatedAt" FROM deleted_messages
     WHERE app = $1 AND room_id = $2 AND message_id = $3`,
    [app, roomId, messageId],
  )
  return row
}
