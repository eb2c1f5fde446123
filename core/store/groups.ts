/** Groups: users of client_type 'group' that stand for the users in them. */
import type { User } from '../chat/model.ts'
import type { Queryable } from './database.ts'
import { toUser, USER_COLUMNS, type UserRow } from './users.ts'

/**
 * Creates or updates a group, and holds it until the transaction ends.
 * @returns undefined where this id is a user's
 */
export async function upsertGroup(
  tx: Queryable,
  app: string,
  group: { id: string; nickname: string; avatarUrl: string | null | undefined },
  at: Date,
): Promise<User | undefined> {
  const [row] = await tx.query<UserRow>(
    'groups-upsert',
    `INSERT INTO users AS u (app, id, nickname, avatar_url, client_type, created_at, updated_at)
     VALUES ($1, $2, $3, $4, 'group', $6, $6)
     ON CONFLICT (app, id) DO UPDATE SET nickname = excluded.nickname,
       avatar_url = CASE WHEN $5::boolean THEN excluded.avatar_url ELSE u.avatar_url END,
       updated_at = excluded.updated_at
     WHERE u.client_type = 'group' RETURNING ${USER_COLUMNS}`,
    [app, group.id, group.nickname, group.avatarUrl, group.avatarUrl !== undefined, at],
  )
  return row && toUser(row)
}

/** Exactly these users, in this order. Needs the group. */
export async function setGroupMembers(
  tx: Queryable,
  app: string,
  groupId: string,
  userIds: readonly string[],
): Promise<void> {
  await tx.query(
    'groups-remove-members',
    'DELETE FROM group_members WHERE app = $1 AND group_id = $2 AND NOT user_id = ANY($3::text[])',
    [app, groupId, userIds],
  )
  await tx.query(
    'groups-put-members',
    `INSERT INTO group_members (app, group_id, user_id, place)
     SELECT $1, $2, id, place FROM unnest($3::text[]) WITH ORDINALITY AS given (id, place)
     ON CONFLICT (app, group_id, user_id) DO UPDATE SET place = excluded.place`,
    [app, groupId, userIds],
  )
}

export async function listGroups(
  q: Queryable,
  app: string,
  limit: number,
): Promise<{ totalCount: number; groups: User[] }> {
  const rows = await q.query<UserRow & { totalCount: number }>(
    'groups-list',
    `SELECT ${USER_COLUMNS}, count(*) OVER () AS "totalCount" FROM users u
     WHERE u.app = $1 AND u.client_type = 'group' ORDER BY u.id LIMIT $2`,
    [app, limit],
  )
  return { totalCount: rows[0]?.totalCount ?? 0, groups: rows.map(toUser) }
}

/** @param limit of each group */
export async function findGroupMembers(
  q: Queryable,
  app: string,
  groupIds: readonly string[],
  limit?: number,
): Promise<Map<string, User[]>> {
  if (groupIds.length === 0) return new Map()
  const rows = await q.query<UserRow & { groupId: string }>(
    'groups-members',
    `SELECT g.group_id AS "groupId", ${USER_COLUMNS}
     FROM unnest($2::text[]) AS given (id) CROSS JOIN LATERAL (
       SELECT * FROM group_members WHERE app = $1 AND group_id = given.id ORDER BY place LIMIT $3::int
     ) g JOIN users u ON u.app = g.app AND u.id = g.user_id ORDER BY g.group_id, g.place`,
    [app, groupIds, limit],
  )
  const members = new Map<string, User[]>()
  for (const row of rows) members.set(row.groupId, [...(members.get(row.groupId) ?? []), toUser(row)])
  return members
}

/** Those of the ids that are groups; held until the transaction ends, so that their members stay. */
export async function holdGroups(tx: Queryable, app: string, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await tx.query<{ id: string }>(
    'groups-hold',
    `SELECT id FROM users WHERE app = $1 AND id = ANY($2::text[]) AND client_type = 'group'
     ORDER BY id FOR SHARE`,
    [app, ids],
  )
  return rows.map((row) => row.id)
}

/** undefined where there is no such group. */
export async function findGroupMembership(
  q: Queryable,
  app: string,
  groupId: string,
  userId: string | undefined,
): Promise<boolean | undefined> {
  const [row] = await q.query<{ inside: boolean }>(
    'groups-membership',
    `SELECT EXISTS (SELECT FROM group_members g WHERE g.app = $1 AND g.group_id = $2 AND g.user_id = $3::text)
       AS inside
     FROM users u WHERE u.app = $1 AND u.id = $2 AND u.client_type = 'group'`,
    [app, groupId, userId],
  )
  return row?.inside
}

/** Writes which of the members are groups. Needs the room's lock. */
export async function changeRoomGroups(
  tx: Queryable,
  app: string,
  roomId: string,
  change: { added: readonly string[]; removed: readonly string[] },
): Promise<void> {
  await tx.query(
    'groups-of-room',
    `UPDATE rooms SET group_ids = ARRAY(
       SELECT DISTINCT id FROM unnest(group_ids || $3::text[]) AS id WHERE NOT id = ANY($4::text[]))
     WHERE app = $1 AND id = $2`,
    [app, roomId, change.added, change.removed],
  )
}

/**
 * Brings the rows of those who are inside by a group alone into step with the room's groups. Needs the room's lock.
 * @returns who came and who went
 */
export async function syncGroupMembers(
  tx: Queryable,
  app: string,
  roomId: string,
  at: Date,
): Promise<{ came: string[]; went: string[] }> {
  const rows = await tx.query<{ id: string; came: boolean }>(
    'groups-sync',
    `WITH room AS (
       SELECT * FROM rooms WHERE app = $1 AND id = $2
     ), wanted AS (
       SELECT DISTINCT g.user_id FROM group_members g, room WHERE g.app = $1 AND g.group_id = ANY(room.group_ids)
     ), latest AS (
       SELECT messages.id FROM messages, room
       WHERE messages.app = $1 AND messages.room_id = $2 AND messages.seq = room.last_message_seq
     ), gone AS (
       DELETE FROM members m WHERE m.app = $1 AND m.room_id = $2 AND NOT m.direct
         AND NOT EXISTS (SELECT FROM wanted w WHERE w.user_id = m.user_id) RETURNING m.user_id
     ), added AS (
       INSERT INTO members (app, room_id, user_id, direct, joined_seq, joined_at, read_seq, read_counted,
         read_message_id, sort_at)
       SELECT $1, $2, w.user_id, false, room.last_seq, $3::timestamptz, room.last_seq, room.counted,
         (SELECT id FROM latest), CASE room.status WHEN 1 THEN room.active_at ELSE '-infinity' END
       FROM wanted w, room ON CONFLICT (app, room_id, user_id) DO NOTHING RETURNING user_id
     ), counted AS (
       UPDATE rooms SET member_count = member_count
         + (SELECT count(*)::int FROM added) - (SELECT count(*)::int FROM gone)
       WHERE app = $1 AND id = $2
     )
     SELECT user_id AS id, true AS came FROM added UNION ALL SELECT user_id, false FROM gone`,
    [app, roomId, at],
  )
  const of = (came: boolean) => rows.filter((row) => row.came === came).map((row) => row.id)
  return { came: of(true), went: of(false) }
}
