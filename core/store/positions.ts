/** Where rooms are: how many messages they have had, and how many changes. */
import type { Queryable } from './database.ts'
import type { ChangeKind } from './message-changes.ts'
import { MESSAGE_COLUMNS, type MessageRow } from './messages.ts'

/** Of the rooms of one user, so many are told without being asked for by name. */
export const MAX_ROOMS_TOLD = 500

const MAX_CHANGED_TOGETHER = 1_000

export type RoomPosition = { roomId: string; seq: number; evSeq: number }

/** Of those rooms that the user is a member of; without a user, of all. */
export async function findPositions(
  q: Queryable,
  app: string,
  userId: string | undefined,
  roomIds: readonly string[],
): Promise<RoomPosition[]> {
  if (roomIds.length === 0) return []
  return q.query<RoomPosition>(
    'positions-of-rooms',
    `SELECT r.id AS "roomId", r.last_seq AS seq, r.ev_seq AS "evSeq" FROM rooms r
     WHERE r.app = $1 AND r.id = ANY($3::text[]) AND ($2::text IS NULL OR EXISTS (
       SELECT FROM members m WHERE m.app = $1 AND m.room_id = r.id AND m.user_id = $2))`,
    [app, userId, roomIds],
  )
}

/** Of a user's rooms, the latest active first. */
export async function latestPositions(
  q: Queryable,
  app: string,
  userId: string,
  limit: number,
): Promise<RoomPosition[]> {
  return q.query<RoomPosition>(
    'positions-latest',
    `SELECT r.id AS "roomId", r.last_seq AS seq, r.ev_seq AS "evSeq"
     FROM members m JOIN rooms r ON r.app = m.app AND r.id = m.room_id
     WHERE m.app = $1 AND m.user_id = $2 ORDER BY m.sort_at DESC, m.room_id LIMIT $3`,
    [app, userId, limit],
  )
}

/** Of each of these users' rooms, the latest active. */
export async function positionsOfUsers(
  q: Queryable,
  app: string,
  userIds: readonly string[],
): Promise<Array<RoomPosition & { userId: string }>> {
  return q.query<RoomPosition & { userId: string }>(
    'positions-of-users',
    `SELECT m.user_id AS "userId", r.id AS "roomId", r.last_seq AS seq, r.ev_seq AS "evSeq"
     FROM unnest($2::text[]) AS given (user_id) CROSS JOIN LATERAL (
       SELECT room_id, user_id FROM members WHERE app = $1 AND members.user_id = given.user_id
       ORDER BY sort_at DESC, room_id LIMIT $3
     ) m JOIN rooms r ON r.app = $1 AND r.id = m.room_id`,
    [app, userIds, MAX_ROOMS_TOLD],
  )
}

export type RoomEventRow = { evSeq: number; kind: ChangeKind; messageId: string; at: Date }

export async function findRoomEvents(
  q: Queryable,
  app: string,
  roomId: string,
  range: { after: number; upTo: number; limit: number },
): Promise<RoomEventRow[]> {
  return q.query<RoomEventRow>(
    'positions-events',
    `SELECT ev_seq AS "evSeq", kind, message_id AS "messageId", at FROM room_events
     WHERE app = $1 AND room_id = $2 AND ev_seq > $3 AND ev_seq <= $4 ORDER BY ev_seq LIMIT $5`,
    [app, roomId, range.after, range.upTo, range.limit],
  )
}

/** Messages that were deleted or hidden by one commit, whose last change is `evSeq`; in the order of their changes. */
export async function findChangedTogether(
  q: Queryable,
  app: string,
  roomId: string,
  kind: 'deleted' | 'hidden',
  evSeq: number,
): Promise<string[]> {
  const rows = await q.query<{ id: string }>(
    'positions-together',
    `SELECT e.message_id AS id FROM room_events e
     JOIN room_events final ON final.app = $1 AND final.room_id = $2 AND final.ev_seq = $3 AND final.at = e.at
     WHERE e.app = $1 AND e.room_id = $2 AND e.kind = $5 AND e.ev_seq <= $3 AND e.ev_seq > $3 - $4::bigint
     ORDER BY e.ev_seq`,
    [app, roomId, evSeq, MAX_CHANGED_TOGETHER, kind],
  )
  return rows.map((row) => row.id)
}

export async function findMessagesAfter(
  q: Queryable,
  app: string,
  roomId: string,
  range: { after: number; upTo: number; limit: number },
): Promise<MessageRow[]> {
  return q.query<MessageRow>(
    'positions-messages',
    `SELECT ${MESSAGE_COLUMNS} FROM messages
     WHERE app = $1 AND room_id = $2 AND seq > $3 AND seq <= $4 ORDER BY seq LIMIT $5`,
    [app, roomId, range.after, range.upTo, range.limit],
  )
}
