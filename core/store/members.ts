import type { Queryable } from './database.ts'
import { USER_COLUMNS, type UserRow } from './users.ts'

/** A room of more members does not keep their sort_at up; it is looked at whenever one of them lists rooms. */
export const MAX_SORTED_MEMBERS = 200

export type MemberRow = {
  roomId: string
  userId: string
  role: 'member' | 'admin'
  joinedAt: Date
  readSeq: number
  readCounted: number
  readMessageId: string | null
  mentionedSeq: number
  properties: Record<string, unknown>
  /** False: inside by a group alone. */
  direct: boolean
}

export const MEMBER_COLUMNS = `m.room_id AS "roomId", m.user_id AS "userId", m.role, m.joined_at AS "joinedAt",
  m.read_seq AS "readSeq", m.read_counted AS "readCounted", m.read_message_id AS "readMessageId",
  m.mentioned_seq AS "mentionedSeq", m.properties, m.direct`

export async function findMember(
  q: Queryable,
  app: string,
  roomId: string,
  userId: string,
): Promise<MemberRow | undefined> {
  const [row] = await q.query<MemberRow>(
    'members-one',
    `SELECT ${MEMBER_COLUMNS} FROM members m WHERE m.app = $1 AND m.room_id = $2 AND m.user_id = $3`,
    [app, roomId, userId],
  )
  return row
}

/** With their users, in the order of joining. */
export async function findMembers(
  q: Queryable,
  app: string,
  roomIds: readonly string[],
): Promise<Array<MemberRow & UserRow>> {
  if (roomIds.length === 0) return []
  return q.query<MemberRow & UserRow>(
    'members-of-rooms',
    `SELECT ${MEMBER_COLUMNS}, ${USER_COLUMNS}
     FROM members m JOIN users u ON u.app = m.app AND u.id = m.user_id
     WHERE m.app = $1 AND m.room_id = ANY($2::text[])
     ORDER BY m.room_id, m.joined_at, m.user_id`,
    [app, roomIds],
  )
}

export async function findMemberIds(q: Queryable, app: string, roomId: string): Promise<string[]> {
  const rows = await q.query<{ id: string }>(
    'members-ids',
    'SELECT user_id AS id FROM members WHERE app = $1 AND room_id = $2 ORDER BY joined_at, user_id',
    [app, roomId],
  )
  return rows.map((row) => row.id)
}

/** Every room of the user, frozen ones included. */
export async function findRoomIds(q: Queryable, app: string, userId: string): Promise<string[]> {
  const rows = await q.query<{ id: string }>(
    'members-room-ids',
    'SELECT room_id AS id FROM members WHERE app = $1 AND user_id = $2',
    [app, userId],
  )
  return rows.map((row) => row.id)
}

/** Needs the room's lock. New members have read all there is. @returns those who were not members of their own. */
export async function addMembers(
  tx: Queryable,
  app: string,
  roomId: string,
  userIds: readonly string[],
  at: Date,
): Promise<string[]> {
  if (userIds.length === 0) return []
  const added = await tx.query<{ id: string; fresh: boolean }>(
    'members-add',
    `WITH room AS (
       SELECT * FROM rooms WHERE app = $1 AND id = $2
     ), latest AS (
       SELECT messages.id FROM messages, room WHERE messages.app = $1 AND room_id = $2 AND seq = room.last_message_seq
     )
     INSERT INTO members (app, room_id, user_id, joined_seq, joined_at, read_seq, read_counted,
       read_message_id, sort_at)
     SELECT $1, $2, given.id, room.last_seq, $4, room.last_seq, room.counted, (SELECT id FROM latest),
       CASE room.status WHEN 1 THEN room.active_at ELSE '-infinity' END
     FROM unnest($3::text[]) WITH ORDINALITY AS given (id, place), room ORDER BY given.place
     ON CONFLICT (app, room_id, user_id) DO UPDATE SET direct = true WHERE NOT members.direct
     RETURNING user_id AS id, xmax = 0 AS fresh`,
    [app, roomId, userIds, at],
  )
  await tx.query(
    'members-count-up',
    'UPDATE rooms SET member_count = member_count + $3::int, updated_at = $4 WHERE app = $1 AND id = $2',
    [app, roomId, added.filter((row) => row.fresh).length, at],
  )
  await resetSortPositions(tx, app, roomId)
  const ids = new Set(added.map((row) => row.id))
  return userIds.filter((id) => ids.has(id))
}

/** Needs the room's lock. @returns those who were members of their own. */
export async function removeMembers(
  tx: Queryable,
  app: string,
  roomId: string,
  userIds: readonly string[],
  at: Date,
): Promise<string[]> {
  const removed = await tx.query<{ id: string }>(
    'members-remove',
    `DELETE FROM members WHERE app = $1 AND room_id = $2 AND user_id = ANY($3::text[]) AND direct
     RETURNING user_id AS id`,
    [app, roomId, userIds],
  )
  const ids = removed.map((row) => row.id)
  await tx.query(
    'members-count-down',
    `UPDATE rooms SET member_count = member_count - $3::int, updated_at = $4,
       owner_id = CASE WHEN owner_id = ANY($5::text[]) THEN NULL ELSE owner_id END,
       manager_ids = ARRAY(SELECT id FROM unnest(manager_ids) AS id WHERE NOT id = ANY($5))
     WHERE app = $1 AND id = $2`,
    [app, roomId, ids.length, at, ids],
  )
  return userIds.filter((id) => ids.includes(id))
}

/** After the room grew, froze or thawed: writes only those positions whose kind is wrong. */
export async function resetSortPositions(tx: Queryable, app: string, roomId: string): Promise<void> {
  await tx.query(
    'members-sort-positions',
    `WITH room AS (
       SELECT CASE WHEN status = 0 THEN '-infinity' WHEN member_count > $3::int THEN 'infinity' ELSE active_at END
         AS sort_at
       FROM rooms WHERE app = $1 AND id = $2
     )
     UPDATE members m SET sort_at = room.sort_at FROM room
     WHERE m.app = $1 AND m.room_id = $2
       AND m.sort_at <> room.sort_at
       AND NOT (isfinite(m.sort_at) AND isfinite(room.sort_at))
       AND NOT (m.sort_at = 'infinity' AND isfinite(room.sort_at))`,
    [app, roomId, MAX_SORTED_MEMBERS],
  )
}

/** The mark only ever moves forward, and its outbox row with it. @returns whether it moved. */
export async function markRead(
  q: Queryable,
  app: string,
  roomId: string,
  userId: string,
  upTo: { seq: number; counted: number; messageId: string | undefined },
  at: Date,
): Promise<boolean> {
  const moved = await q.query(
    'members-mark-read',
    `WITH moved AS (
       UPDATE members SET read_seq = $4, read_counted = $5, read_message_id = $6
       WHERE app = $1 AND room_id = $2 AND user_id = $3 AND read_seq < $4::bigint RETURNING user_id
     ), queued AS (
       INSERT INTO outbox (shard, topic, app, room_id, payload, created_at)
       SELECT hashtextextended($2, 0) & 63, 'read', $1, $2,
         jsonb_build_object('userId', user_id, 'messageId', $6::text), $7::timestamptz FROM moved
     )
     SELECT user_id FROM moved`,
    [app, roomId, userId, upTo.seq, upTo.counted, upTo.messageId, at],
  )
  return moved.length === 1
}

export async function setRole(
  tx: Queryable,
  app: string,
  roomId: string,
  userId: string,
  role: MemberRow['role'],
): Promise<void> {
  await tx.query(
    'members-role',
    'UPDATE members SET role = $4 WHERE app = $1 AND room_id = $2 AND user_id = $3',
    [app, roomId, userId, role],
  )
}

export async function setProperties(
  tx: Queryable,
  app: string,
  roomId: string,
  userId: string,
  properties: Record<string, unknown>,
): Promise<void> {
  await tx.query(
    'members-properties',
    'UPDATE members SET properties = $4::json WHERE app = $1 AND room_id = $2 AND user_id = $3',
    [app, roomId, userId, JSON.stringify(properties)],
  )
}

/** Sum over the user's rooms that are not frozen; with tags, over those that have at least one of them. */
export async function totalUnread(
  q: Queryable,
  app: string,
  userId: string,
  roomTags: readonly string[],
): Promise<number> {
  const [row] = await q.query<{ total: number | null }>(
    'members-total-unread',
    `SELECT sum(GREATEST(r.counted - m.read_counted, 0)) AS total
     FROM members m JOIN rooms r ON r.app = m.app AND r.id = m.room_id
     WHERE m.app = $1 AND m.user_id = $2 AND r.status = 1
       AND (cardinality($3::text[]) = 0 OR r.room_tags && $3)`,
    [app, userId, roomTags],
  )
  return row?.total ?? 0
}
