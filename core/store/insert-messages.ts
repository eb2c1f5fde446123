import type { Queryable } from './database.ts'
import { gramsOf } from './grams.ts'
import { MAX_SORTED_MEMBERS } from './members.ts'
import { MESSAGE_COLUMNS, type NewMessage, type PostedRow } from './messages.ts'

/**
 * Several messages of one room in one statement, in their order: what `insertMessage` does for one. A message is left
 * out where `insertMessage` would refuse it, or where its sender has used its client id; what was left out takes no
 * seq. A unique violation (two cores at once) takes all of them back.
 * @returns those that were added, in the order of seq
 */
export async function insertMessages(
  q: Queryable,
  app: string,
  roomId: string,
  messages: readonly NewMessage[],
  at: Date,
): Promise<PostedRow[]> {
  const column = <T>(read: (message: NewMessage) => T): T[] => messages.map(read)
  return q.query<PostedRow>(
    'messages-insert-many',
    `WITH given AS (
       SELECT * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
         $10::text[], $11::int[], $12::text[], $13::text[], $14::text[]) WITH ORDINALITY
         AS given (id, sender_id, client_message_id, message_type, message, fields, reply_id, mentions, counts,
           only_if_member, follow_ups, grams, place)
       WHERE (only_if_member IS NULL OR EXISTS (
             SELECT FROM members WHERE app = $1 AND room_id = $2 AND user_id = only_if_member)
           AND NOT EXISTS (
             SELECT FROM blocks b JOIN rooms ON rooms.app = b.app AND rooms.id = b.room_id
             WHERE b.app = $1 AND b.room_id = $2 AND (b.blockee_id = only_if_member OR rooms.room_type = 'direct')))
         AND (client_message_id IS NULL OR NOT EXISTS (
           SELECT FROM messages known WHERE known.app = $1 AND known.room_id = $2
             AND known.sender_id IS NOT DISTINCT FROM given.sender_id
             AND known.client_message_id = given.client_message_id))
     ), placed AS (
       SELECT *, row_number() OVER line AS step, sum(counts) OVER line AS counted_step,
         count(*) OVER () AS steps, sum(counts) OVER () AS counted_steps
       FROM given WINDOW line AS (ORDER BY place)
     ), total AS (
       SELECT steps, counted_steps FROM placed LIMIT 1
     ), room AS (
       UPDATE rooms SET last_seq = last_seq + total.steps, last_message_seq = last_seq + total.steps,
         message_count = message_count + total.steps, counted = counted + total.counted_steps,
         active_at = GREATEST(active_at, $15::timestamptz),
         bumped_at = CASE WHEN bumped_at <= GREATEST(active_at, $15) - interval '1 second'
           THEN GREATEST(active_at, $15) ELSE bumped_at END
       FROM total WHERE app = $1 AND id = $2 AND status = 1
       RETURNING last_seq - total.steps AS seq, counted - total.counted_steps AS counted, active_at,
         bumped_at = active_at AS bump, member_count
     ), added AS (
       INSERT INTO messages (app, room_id, id, sender_id, client_message_id, message_type, message, fields,
         reply_id, grams, seq, counted, created_at, updated_at)
       SELECT $1, $2, p.id, p.sender_id, p.client_message_id, p.message_type, p.message::json, p.fields::json,
         p.reply_id, p.grams::int[], room.seq + p.step, room.counted + p.counted_step, room.active_at, room.active_at
       FROM placed p, room ORDER BY p.step
       RETURNING *
     ), queued AS (
       INSERT INTO outbox (shard, topic, app, room_id, payload, created_at)
       SELECT hashtextextended($2, 0) & 63, 'message-posted', $1, $2,
         jsonb_build_object('messageId', p.id, 'seq', room.seq + p.step) || p.follow_ups::jsonb, $15
       FROM placed p, room ORDER BY p.step
     ), readers AS (
       SELECT DISTINCT ON (p.sender_id) p.sender_id AS user_id, p.id, room.seq + p.step AS seq,
         room.counted + p.counted_step AS counted
       FROM placed p, room WHERE p.counts = 1 AND p.sender_id IS NOT NULL
       ORDER BY p.sender_id, p.step DESC
     ), mentioned AS (
       SELECT m.user_id, max(room.seq + p.step) AS seq
       FROM placed p, room, unnest(p.mentions::text[]) AS m (user_id) GROUP BY m.user_id
     ), touched AS (
       SELECT user_id, readers.id, readers.seq, readers.counted, mentioned.seq AS mentioned_seq
       FROM readers FULL JOIN mentioned USING (user_id)
     ), marked AS (
       UPDATE members m SET
         read_seq = COALESCE(t.seq, m.read_seq),
         read_counted = COALESCE(t.counted, m.read_counted),
         read_message_id = COALESCE(t.id, m.read_message_id),
         mentioned_seq = COALESCE(t.mentioned_seq, m.mentioned_seq),
         sort_at = CASE WHEN room.bump THEN GREATEST(m.sort_at, room.active_at) ELSE m.sort_at END
       FROM room, touched t WHERE m.app = $1 AND m.room_id = $2 AND m.user_id = t.user_id
     ), bumped AS (
       UPDATE members m SET sort_at = room.active_at FROM room
       WHERE room.bump AND room.member_count <= $16::int
         AND m.app = $1 AND m.room_id = $2 AND m.sort_at < room.active_at
         AND NOT EXISTS (SELECT FROM touched t WHERE t.user_id = m.user_id)
     )
     SELECT ${MESSAGE_COLUMNS}, EXISTS (
       SELECT FROM members m JOIN readers r ON r.user_id = m.user_id
       WHERE m.app = $1 AND m.room_id = $2 AND r.id = added.id AND m.read_counted < added.counted - 1) AS "passedOthers"
     FROM added ORDER BY seq`,
    [
      app,
      roomId,
      column((message) => message.id),
      column((message) => message.senderId ?? null),
      column((message) => message.clientMessageId ?? null),
      column((message) => message.messageType),
      column((message) => message.message),
      column((message) => message.fields),
      column((message) => message.replyId ?? null),
      column((message) => arrayText(message.mentions)),
      column((message) => (message.counts ? 1 : 0)),
      column((message) => message.onlyIfMember ?? null),
      column((message) => JSON.stringify(message.followUps)),
      column((message) => arrayText(gramsOf(app, roomId, message.searchText))),
      at,
      MAX_SORTED_MEMBERS,
    ],
  )
}

/** An SQL array inside a column of texts: arrays of arrays must all have one length. */
const arrayText = (values: readonly (string | number)[] | null): string | null =>
  values === null
    ? null
    : `{${values.map((value) => `"${String(value).replace(/[\\"]/g, '\\$&')}"`).join(',')}}`
