import type { Queryable } from './database.ts'
import { gramsOf } from './grams.ts'
import { MAX_SORTED_MEMBERS } from './members.ts'

export type MessageRow = {
  app: string
  roomId: string
  seq: number
  counted: number
  id: string
  senderId: string | null
  clientMessageId: string | null
  messageType: string
  message: unknown
  fields: Record<string, unknown>
  replyId: string | null
  /** 0 for a message that nothing happened to since it was posted, so that it has no reactions either. */
  evSeq: number
  createdAt: Date
  updatedAt: Date
  editedAt: Date | null
  pinned: boolean
  hidden: boolean
}

export const MESSAGE_COLUMNS = `app, room_id AS "roomId", seq, counted, id, sender_id AS "senderId",
  client_message_id AS "clientMessageId", message_type AS "messageType", message, fields, reply_id AS "replyId", ev_seq AS "evSeq",
  created_at AS "createdAt", updated_at AS "updatedAt", edited_at AS "editedAt",
  pinned_at IS NOT NULL AS pinned, hidden`

/** What is not to follow a message; `badge`: its pushes come without a total. */
export type FollowUps = {
  push?: false | undefined
  webhook?: false | undefined
  badge?: false | undefined
}

export type NewMessage = {
  id: string
  roomId: string
  senderId: string | undefined
  clientMessageId: string | undefined
  messageType: string
  /** JSON text, or null for none. */
  message: string | null
  fields: string
  replyId: string | undefined
  mentions: readonly string[]
  /** Whether it counts as unread, and moves its sender's read mark: system messages do neither. */
  counts: boolean
  /** Added only while this user is a member. */
  onlyIfMember: string | undefined
  followUps: FollowUps
  /** What it is found by; nothing where absent. */
  searchText?: string | undefined
}

/** Whether its sender's read mark went past messages of others with it, which nobody else can tell from a message. */
export type PostedRow = MessageRow & { passedOthers: boolean }

/**
 * One statement: the room's next seq, the message, its outbox row, the sender's read mark, mentions, and the
 * members' sort positions (at most once a second). A unique violation takes the seq back with it. Subqueries that
 * look like detours keep the plan from the members of a large room, or the rooms of a busy user, whatever the
 * statistics say.
 * @returns undefined where the room is missing or frozen, or `onlyIfMember` is no member or blocked.
 */
export async function insertMessage(
  q: Queryable,
  app: string,
  message: NewMessage,
  at: Date,
): Promise<PostedRow | undefined> {
  const reader = message.counts ? message.senderId : undefined
  const touched = [...new Set([...(reader === undefined ? [] : [reader]), ...message.mentions])].sort()
  const [row] = await q.query<PostedRow>(
    'messages-insert',
    `WITH room AS (
       UPDATE rooms SET last_seq = last_seq + 1, last_message_seq = last_seq + 1,
         message_count = message_count + 1, counted = counted + $12::int,
         active_at = GREATEST(active_at, $11::timestamptz),
         bumped_at = CASE WHEN bumped_at <= GREATEST(active_at, $11) - interval '1 second'
           THEN GREATEST(active_at, $11) ELSE bumped_at END
       WHERE app = $1 AND id = $2 AND status = 1 AND ($13::text IS NULL OR (
         SELECT m.role FROM members m WHERE m.app = $1 AND m.room_id = $2 AND m.user_id = $13) IS NOT NULL AND NOT EXISTS (
         SELECT FROM blocks b WHERE b.app = $1 AND b.room_id = $2
           AND (b.blockee_id = $13 OR rooms.room_type = 'direct')))
       RETURNING last_seq, counted, active_at, bumped_at = active_at AS bump, member_count
     ), added AS (
       INSERT INTO messages (app, room_id, id, sender_id, client_message_id, message_type, message, fields,
         reply_id, grams, seq, counted, created_at, updated_at)
       SELECT $1, $2, $3, $4, $5, $6, $7::json, $8::json, $9, $18::int[],
         room.last_seq, room.counted, room.active_at, room.active_at FROM room
       RETURNING *
     ), queued AS (
       INSERT INTO outbox (shard, topic, app, room_id, payload, created_at)
       SELECT hashtextextended($2, 0) & 63, 'message-posted', $1, $2,
         jsonb_build_object('messageId', id, 'seq', seq) || $17::jsonb, $11 FROM added
     ), marked AS (
       UPDATE members m SET read_seq = room.last_seq, read_counted = room.counted, read_message_id = $3,
         mentioned_seq = CASE WHEN $14 = ANY($10::text[]) THEN room.last_seq ELSE m.mentioned_seq END,
         sort_at = CASE WHEN room.bump THEN GREATEST(m.sort_at, room.active_at) ELSE m.sort_at END
       FROM room WHERE m.app = $1 AND m.room_id = $2 AND m.user_id = $14
     ), mentioned AS (
       UPDATE members m SET mentioned_seq = room.last_seq,
         sort_at = CASE WHEN room.bump THEN GREATEST(m.sort_at, room.active_at) ELSE m.sort_at END
       FROM room WHERE m.app = $1 AND m.room_id = (SELECT $2::text WHERE cardinality($10) > 0)
         AND m.user_id = ANY($10) AND ($14::text IS NULL OR m.user_id <> $14)
     ), bumped AS (
       UPDATE members m SET sort_at = room.active_at FROM room
       WHERE m.app = $1 AND m.room_id = (SELECT $2::text FROM room WHERE bump AND member_count <= $16::int)
         AND m.sort_at < room.active_at AND NOT m.user_id = ANY($15)
     )
     SELECT ${MESSAGE_COLUMNS}, COALESCE((
       SELECT m.read_counted FROM members m WHERE m.app = $1 AND m.room_id = $2 AND m.user_id = $14
     ) < added.counted - 1, false) AS "passedOthers"
     FROM added`,
    [
      app,
      message.roomId,
      message.id,
      message.senderId,
      message.clientMessageId,
      message.messageType,
      message.message,
      message.fields,
      message.replyId,
      message.mentions,
      at,
      message.counts ? 1 : 0,
      message.onlyIfMember,
      reader,
      touched,
      MAX_SORTED_MEMBERS,
      message.followUps,
      gramsOf(app, message.roomId, message.searchText),
    ],
  )
  return row
}

export async function findByClientId(
  q: Queryable,
  app: string,
  roomId: string,
  senderId: string | undefined,
  clientMessageId: string,
): Promise<MessageRow | undefined> {
  const [row] = await q.query<MessageRow>(
    'messages-by-client-id',
    `SELECT ${MESSAGE_COLUMNS} FROM messages
     WHERE app = $1 AND room_id = $2 AND sender_id = $3 AND client_message_id = $4
     UNION ALL
     SELECT ${MESSAGE_COLUMNS} FROM messages
     WHERE $3::text IS NULL AND app = $1 AND room_id = $2 AND sender_id IS NULL AND client_message_id = $4`,
    [app, roomId, senderId, clientMessageId],
  )
  return row
}

export async function findMessage(
  q: Queryable,
  app: string,
  roomId: string,
  id: string,
): Promise<MessageRow | undefined> {
  const [row] = await q.query<MessageRow>(
    'messages-one',
    `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE app = $1 AND room_id = $2 AND id = $3`,
    [app, roomId, id],
  )
  return row
}

/** For the routes that name a message without its room. */
export async function findMessageAnywhere(
  q: Queryable,
  app: string,
  id: string,
): Promise<MessageRow | undefined> {
  const [row] = await q.query<MessageRow>(
    'messages-anywhere',
    `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE app = $1 AND id = $2`,
    [app, id],
  )
  return row
}

export async function findMessagesById(
  q: Queryable,
  app: string,
  places: ReadonlyArray<{ roomId: string; id: string }>,
): Promise<MessageRow[]> {
  if (places.length === 0) return []
  return q.query<MessageRow>(
    'messages-by-ids',
    `SELECT ${MESSAGE_COLUMNS} FROM messages
     WHERE app = $1 AND (room_id, id) IN (SELECT * FROM unnest($2::text[], $3::text[]))`,
    [app, places.map((place) => place.roomId), places.map((place) => place.id)],
  )
}

export async function findMessagesBySeq(
  q: Queryable,
  app: string,
  places: ReadonlyArray<{ roomId: string; seq: number }>,
): Promise<MessageRow[]> {
  if (places.length === 0) return []
  return q.query<MessageRow>(
    'messages-by-seqs',
    `SELECT ${MESSAGE_COLUMNS} FROM messages
     WHERE app = $1 AND (room_id, seq) IN (SELECT * FROM unnest($2::text[], $3::bigint[]))`,
    [app, places.map((place) => place.roomId), places.map((place) => place.seq)],
  )
}

/** The newest message that counts up to this one decides nothing but the mark: seq and counted of the room's end. */
export async function roomEnd(
  q: Queryable,
  app: string,
  roomId: string,
): Promise<{ seq: number; counted: number; messageId: string | null } | undefined> {
  const [row] = await q.query<{ seq: number; counted: number; messageId: string | null }>(
    'messages-room-end',
    `SELECT r.last_seq AS seq, r.counted, m.id AS "messageId" FROM rooms r
     LEFT JOIN messages m ON m.app = r.app AND m.room_id = r.id AND m.seq = r.last_message_seq
     WHERE r.app = $1 AND r.id = $2`,
    [app, roomId],
  )
  return row
}
