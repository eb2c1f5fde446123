import type { Queryable } from './database.ts'
import { gramsOf } from './grams.ts'
import { MAX_SORTED_MEMBERS } from './members.ts'
import { MESSAGE_COLUMNS, type NewMessage, type PostedRow } from './messages.ts'

/**
 * Several messages of one app in one statement, each room's in their order: what `insertMessage` does for one. A
 * message is left out where `insertMessage` would refuse it, or where its sender has used its client id; what was left
 * out takes no seq. A unique violation (two cores at once, or a client id used by nobody) takes all of them back.
 *
 * Rooms are locked in the order of their ids. Where `waits` is false, rooms that others hold are left out: one that is
 * held up does not hold up the others.
 * @returns those that were added, each room's in the order of seq
 */
export async function insertMessages(
  q: Queryable,
  app: string,
  messages: readonly NewMessage[],
  at: Date,
  { waits }: { waits: boolean },
): Promise<PostedRow[]> {
  return q.query<PostedRow>(
    waits ? 'messages-insert-many' : 'messages-insert-many-free',
    waits ? INSERT_WAITING : INSERT_FREE,
    [
      app,
      JSON.stringify(messages.map((message, place) => toSent(app, message, place))),
      at,
      MAX_SORTED_MEMBERS,
    ],
  )
}

const toSent = (app: string, message: NewMessage, place: number): Record<string, unknown> => ({
  place,
  room_id: message.roomId,
  id: message.id,
  sender_id: message.senderId,
  client_message_id: message.clientMessageId,
  message_type: message.messageType,
  message: message.message,
  fields: message.fields,
  reply_id: message.replyId,
  mentions: message.mentions,
  counts: message.counts ? 1 : 0,
  only_if_member: message.onlyIfMember,
  follow_ups: message.followUps,
  grams: arrayText(gramsOf(app, message.roomId, message.searchText)),
})

const arrayText = (values: readonly number[] | null): string | null =>
  values === null ? null : `{${values.join(',')}}`

/**
 * One parameter has all messages, so that how many there are makes no difference to the planner: with an array for each
 * column PostgreSQL plans anew at every call, which costs more than the insert. What is asked about each message is a
 * scalar subquery, and rooms are looked up by `ANY(ARRAY(…))`: a join could be planned to read all of a large room, or
 * every room. What is asked of the other messages is an `IN` that isn't pulled up, a hash: for the planner there is one
 * message, and a join compares each with each. The one that is left is `placed`.
 */
const insertSql = (skip: '' | 'SKIP LOCKED') => `
  WITH sent AS MATERIALIZED (
    SELECT * FROM json_to_recordset($2::json) AS sent (place int, room_id text, id text, sender_id text,
      client_message_id text, message_type text, message text, fields text, reply_id text, mentions text[],
      counts int, only_if_member text, follow_ups jsonb, grams text)
  ), held AS (
    SELECT id, room_type FROM rooms WHERE app = $1 AND id = ANY(ARRAY(SELECT room_id FROM sent)) AND status = 1
    ORDER BY id FOR NO KEY UPDATE ${skip}
  ), given AS (
    SELECT * FROM sent given
    WHERE (room_id IN (SELECT id FROM held)) IS TRUE
      AND (only_if_member IS NULL OR (
        SELECT m.role FROM members m
        WHERE m.app = $1 AND m.room_id = given.room_id AND m.user_id = only_if_member) IS NOT NULL
      AND (SELECT b.blockee_id FROM blocks b WHERE b.app = $1 AND b.room_id = given.room_id
        AND (b.blockee_id = only_if_member
          OR given.room_id IN (SELECT id FROM held WHERE room_type = 'direct')) LIMIT 1) IS NULL)
      AND (client_message_id IS NULL
        OR (
          SELECT known.id FROM messages known WHERE known.app = $1 AND known.room_id = given.room_id
            AND known.sender_id = given.sender_id AND known.client_message_id = given.client_message_id) IS NULL)
  ), total AS (
    SELECT room_id, count(*) AS steps, sum(counts) AS counted_steps FROM given GROUP BY room_id
  ), room AS (
    UPDATE rooms SET last_seq = last_seq + total.steps, last_message_seq = last_seq + total.steps,
      message_count = message_count + total.steps, counted = counted + total.counted_steps,
      active_at = GREATEST(active_at, $3::timestamptz),
      bumped_at = CASE WHEN bumped_at <= GREATEST(active_at, $3) - interval '1 second'
        THEN GREATEST(active_at, $3) ELSE bumped_at END
    FROM total WHERE rooms.app = $1 AND rooms.id = total.room_id AND rooms.status = 1
    RETURNING rooms.id AS room_id, last_seq - total.steps AS seq, counted - total.counted_steps AS counted, active_at,
      bumped_at = active_at AS bump, member_count
  ), placed AS MATERIALIZED (
    SELECT given.*, room.seq + row_number() OVER line AS seq, room.counted + sum(counts) OVER line AS counted,
      room.active_at, room.bump
    FROM given JOIN room USING (room_id) WINDOW line AS (PARTITION BY room_id ORDER BY place)
  ), added AS (
    INSERT INTO messages (app, room_id, id, sender_id, client_message_id, message_type, message, fields,
      reply_id, grams, seq, counted, created_at, updated_at)
    SELECT $1, room_id, id, sender_id, client_message_id, message_type, message::json, fields::json,
      reply_id, grams::int[], seq, counted, active_at, active_at
    FROM placed ORDER BY place
    RETURNING *
  ), queued AS (
    INSERT INTO outbox (shard, topic, app, room_id, payload, created_at)
    SELECT hashtextextended(room_id, 0) & 63, 'message-posted', $1, room_id,
      jsonb_build_object('messageId', id, 'seq', seq) || follow_ups, $3
    FROM placed ORDER BY place
  ), readers AS (
    SELECT DISTINCT ON (room_id, sender_id) room_id, sender_id AS user_id, id, seq, counted, active_at, bump
    FROM placed WHERE counts = 1 AND sender_id IS NOT NULL
    ORDER BY room_id, sender_id, seq DESC
  ), mentioned AS (
    SELECT room_id, named.user_id, max(seq) AS seq, active_at, bump
    FROM placed, unnest(mentions) AS named (user_id) WHERE named.user_id IS NOT NULL
    GROUP BY room_id, named.user_id, active_at, bump
  ), touched AS (
    SELECT room_id, user_id, readers.id, readers.seq, readers.counted, mentioned.seq AS mentioned_seq, active_at, bump
    FROM readers FULL JOIN mentioned USING (room_id, user_id, active_at, bump)
  ), marked AS (
    UPDATE members m SET
      read_seq = COALESCE(t.seq, m.read_seq),
      read_counted = COALESCE(t.counted, m.read_counted),
      read_message_id = COALESCE(t.id, m.read_message_id),
      mentioned_seq = COALESCE(t.mentioned_seq, m.mentioned_seq),
      sort_at = CASE WHEN t.bump THEN GREATEST(m.sort_at, t.active_at) ELSE m.sort_at END
    FROM touched t
    WHERE m.app = $1 AND m.room_id = t.room_id AND m.user_id = t.user_id
  ), bumped AS (
    UPDATE members m SET sort_at = room.active_at FROM room
    WHERE room.bump AND room.member_count <= $4::int
      AND m.app = $1 AND m.room_id = room.room_id AND m.sort_at < room.active_at
      AND (m.room_id, m.user_id) NOT IN (SELECT room_id, user_id FROM touched)
  )
  SELECT ${MESSAGE_COLUMNS}, added.id IN (SELECT id FROM readers) AND COALESCE((
    SELECT m.read_counted FROM members m
    WHERE m.app = $1 AND m.room_id = added.room_id AND m.user_id = added.sender_id
  ) < added.counted - 1, false) AS "passedOthers"
  FROM added ORDER BY seq`

const INSERT_WAITING = insertSql('')
const INSERT_FREE = insertSql('SKIP LOCKED')
