/** What changes a message that is there already: each change takes the room's next ev_seq in its own commit. */
import type { Reaction } from '../chat/model.ts'
import type { Queryable } from './database.ts'
import { gramsOf } from './grams.ts'
import { MESSAGE_COLUMNS, type MessageRow } from './messages.ts'

export type ChangeKind = 'edited' | 'recalled' | 'reacted' | 'deleted' | 'pinned' | 'hidden'

/** Takes the room's lock first, as everything that writes to it does. @returns the change's place in the room. */
export async function recordChange(
  tx: Queryable,
  app: string,
  roomId: string,
  messageId: string,
  kind: ChangeKind,
  at: Date,
): Promise<number | undefined> {
  const [row] = await tx.query<{ evSeq: number }>(
    'changes-record',
    `WITH room AS (
       UPDATE rooms SET ev_seq = ev_seq + 1 WHERE app = $1 AND id = $2 RETURNING ev_seq
     ), event AS (
       INSERT INTO room_events (app, room_id, ev_seq, kind, message_id, at)
       SELECT $1, $2, room.ev_seq, $4, $3, $5 FROM room
     ), queued AS (
       INSERT INTO outbox (shard, topic, app, room_id, payload, created_at)
       SELECT hashtextextended($2, 0) & 63, 'message-changed', $1, $2,
         jsonb_build_object('messageId', $3::text, 'evSeq', room.ev_seq, 'kind', $4::text), $5 FROM room
     ), changed AS (
       UPDATE messages SET ev_seq = room.ev_seq FROM room
       WHERE messages.app = $1 AND messages.room_id = $2 AND messages.id = $3
     )
     SELECT ev_seq AS "evSeq" FROM room`,
    [app, roomId, messageId, kind, at],
  )
  return row?.evSeq
}

export async function rewriteMessage(
  tx: Queryable,
  app: string,
  place: { roomId: string; id: string },
  content: {
    messageType: string
    message: string | null
    fields: string
    replyId: string | null
    editedAt: Date | null
    searchText: string | undefined
  },
  at: Date,
): Promise<MessageRow | undefined> {
  const [row] = await tx.query<MessageRow>(
    'changes-rewrite',
    `UPDATE messages SET message_type = $4, message = $5::json, fields = $6::json, reply_id = $7, edited_at = $8,
       grams = $10::int[], updated_at = GREATEST(updated_at, $9::timestamptz)
     WHERE app = $1 AND room_id = $2 AND id = $3 RETURNING ${MESSAGE_COLUMNS}`,
    [
      app,
      place.roomId,
      place.id,
      content.messageType,
      content.message,
      content.fields,
      content.replyId,
      content.editedAt,
      at,
      gramsOf(app, place.roomId, content.searchText),
    ],
  )
  return row
}

export async function findReactions(
  q: Queryable,
  app: string,
  places: ReadonlyArray<{ roomId: string; id: string }>,
): Promise<Array<Reaction & { messageId: string }>> {
  if (places.length === 0) return []
  return q.query<Reaction & { messageId: string }>(
    'reactions-of-messages',
    `SELECT message_id AS "messageId", user_id AS "userId", reaction FROM reactions
     WHERE app = $1 AND (room_id, message_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))
     ORDER BY message_id, created_at, user_id, reaction`,
    [app, places.map((place) => place.roomId), places.map((place) => place.id)],
  )
}

type ReactionKey = { roomId: string; messageId: string; userId: string }

/** No more than `limit` of one user to one message. @returns whether it is new. */
export async function addReaction(
  tx: Queryable,
  app: string,
  key: ReactionKey & { reaction: string },
  limit: number,
  at: Date,
): Promise<boolean> {
  const rows = await tx.query(
    'reactions-add',
    `INSERT INTO reactions (app, room_id, message_id, user_id, reaction, created_at)
     SELECT $1, $2, $3, $4, $5, $6 WHERE (
       SELECT count(*) FROM reactions WHERE app = $1 AND room_id = $2 AND message_id = $3 AND user_id = $4) < $7::int
     ON CONFLICT DO NOTHING RETURNING reaction`,
    [app, key.roomId, key.messageId, key.userId, key.reaction, at, limit],
  )
  return rows.length === 1
}

/** Without a reaction: all of the user's. @returns whether there was one. */
export async function removeReactions(
  tx: Queryable,
  app: string,
  key: ReactionKey & { reaction: string | undefined },
): Promise<boolean> {
  const rows = await tx.query(
    'reactions-remove',
    `DELETE FROM reactions WHERE app = $1 AND room_id = $2 AND message_id = $3 AND user_id = $4
       AND ($5::text IS NULL OR reaction = $5) RETURNING reaction`,
    [app, key.roomId, key.messageId, key.userId, key.reaction],
  )
  return rows.length > 0
}
