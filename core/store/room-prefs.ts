import type { RoomPref } from '../chat/model.ts'
import { given, jsonText } from './columns.ts'
import type { Queryable } from './database.ts'

type RoomPrefRow = {
  userId: string
  roomId: string
  tags: string[]
  tagColors: Record<string, string>
  folder: string | null
  muted: boolean
  sticky: boolean
  hidden: boolean
  translation: boolean
  quittedAt: Date | null
}

const COLUMNS = `user_id AS "userId", room_id AS "roomId", tags, tag_colors AS "tagColors", folder, muted, sticky, hidden, translation,
  quitted_at AS "quittedAt"`

/** What a user may write of a preference; absent = keep; `folder` null = none. */
export type RoomPrefChange = {
  tags?: string[] | undefined
  tagColors?: Record<string, string> | undefined
  folder?: string | null | undefined
  muted?: boolean | undefined
  sticky?: boolean | undefined
  hidden?: boolean | undefined
  translation?: boolean | undefined
}

const toRoomPref = ({ userId: _, ...row }: RoomPrefRow): RoomPref => ({
  ...row,
  folder: given(row.folder),
  quittedAt: given(row.quittedAt),
})

/** What a user says of a room and what their groups do: a word of any of them counts, one's own folder before theirs. */
function joinPrefs(own: RoomPref, group: RoomPref): RoomPref {
  return {
    ...own,
    tags: [...new Set([...own.tags, ...group.tags])],
    tagColors: { ...group.tagColors, ...own.tagColors },
    folder: own.folder ?? group.folder,
    muted: own.muted || group.muted,
    sticky: own.sticky || group.sticky,
    hidden: own.hidden || group.hidden,
    translation: own.translation && group.translation,
  }
}

/** What holds where a user has said nothing. */
export const defaultRoomPref = (roomId: string): RoomPref => ({
  roomId,
  tags: [],
  tagColors: {},
  folder: undefined,
  muted: false,
  sticky: false,
  hidden: false,
  translation: true,
  quittedAt: undefined,
})

/** As they hold for users who may have said nothing of the room, by user. */
export async function findRoomPrefsOfUsers(
  q: Queryable,
  app: string,
  userIds: readonly string[],
  roomId: string,
): Promise<Map<string, RoomPref>> {
  const rows = await q.query<RoomPrefRow & { viewerId: string }>(
    'room-prefs-of-users',
    `SELECT viewer.id AS "viewerId", ${COLUMNS} FROM unnest($2::text[]) AS viewer (id) JOIN room_prefs
       ON app = $1 AND room_id = $3 AND user_id = ANY(
         viewer.id || ARRAY(SELECT group_id FROM group_members WHERE app = $1 AND user_id = viewer.id))
     ORDER BY user_id`,
    [app, userIds, roomId],
  )
  const byViewer = Map.groupBy(rows, (row) => row.viewerId)
  const prefOf = (userId: string): RoomPref => {
    const own = (byViewer.get(userId) ?? []).map(({ viewerId: _, ...row }) => row)
    return joinRows(own, userId).get(roomId) ?? defaultRoomPref(roomId)
  }
  return new Map(userIds.map((id) => [id, prefOf(id)]))
}

/** As it holds for the user: their own, and their groups'. Rooms that nobody said anything of are left out. */
export async function findRoomPrefs(
  q: Queryable,
  app: string,
  userId: string,
  roomIds: readonly string[],
): Promise<RoomPref[]> {
  if (roomIds.length === 0) return []
  const rows = await q.query<RoomPrefRow>(
    'room-prefs-of-rooms',
    `SELECT ${COLUMNS} FROM room_prefs WHERE app = $1 AND room_id = ANY($3::text[]) AND user_id = ANY(
       $2::text || ARRAY(SELECT group_id FROM group_members WHERE app = $1 AND user_id = $2))
     ORDER BY user_id`,
    [app, userId, roomIds],
  )
  return [...joinRows(rows, userId).values()]
}

/** What holds for a user, by room, of what they and their groups have said. */
function joinRows(rows: readonly RoomPrefRow[], userId: string): Map<string, RoomPref> {
  const ownFirst = rows.toSorted((a, b) => Number(b.userId === userId) - Number(a.userId === userId))
  const prefs = new Map<string, RoomPref>()
  for (const row of ownFirst) {
    const own = prefs.get(row.roomId)
    const base = row.userId === userId ? undefined : (own ?? defaultRoomPref(row.roomId))
    prefs.set(row.roomId, base === undefined ? toRoomPref(row) : joinPrefs(base, toRoomPref(row)))
  }
  return prefs
}

/** The same, as SQL: a row `p` of each room `r` for the user $2 of the app $1. `p.tags` is a list of lists. */
export const PREFS_OF_ROOM = `LEFT JOIN LATERAL (
    SELECT bool_or(muted) AS muted, bool_or(sticky) AS sticky, bool_or(hidden) AS hidden,
      bool_and(translation) AS translation, max(quitted_at) FILTER (WHERE user_id = $2) AS quitted_at,
      (array_agg(folder ORDER BY user_id <> $2, user_id) FILTER (WHERE folder IS NOT NULL))[1] AS folder,
      jsonb_agg(tags) AS tags
    FROM room_prefs WHERE app = r.app AND room_id = r.id AND user_id = ANY(
      $2::text || ARRAY(SELECT group_id FROM group_members WHERE app = $1 AND user_id = $2))
  ) p ON true`

const MAX_PREFS = 10_000

export async function findAllRoomPrefs(q: Queryable, app: string, userId: string): Promise<RoomPref[]> {
  const rows = await q.query<RoomPrefRow>(
    'room-prefs-of-user',
    `SELECT ${COLUMNS} FROM room_prefs WHERE app = $1 AND user_id = $2 ORDER BY room_id LIMIT $3`,
    [app, userId, MAX_PREFS],
  )
  return rows.map(toRoomPref)
}

export async function mergeRoomPref(
  q: Queryable,
  app: string,
  userId: string,
  roomId: string,
  change: RoomPrefChange,
  at: Date,
): Promise<RoomPref> {
  const [row] = await q.query<RoomPrefRow>(
    'room-prefs-merge',
    `INSERT INTO room_prefs AS p (app, user_id, room_id, tags, tag_colors, folder, muted, sticky, hidden,
       translation, updated_at)
     VALUES ($1, $2, $3, COALESCE($4::text[], '{}'), COALESCE($5::jsonb, '{}'), $6::text,
       COALESCE($8::boolean, false), COALESCE($9::boolean, false), COALESCE($10::boolean, false),
       COALESCE($11::boolean, true), $12)
     ON CONFLICT (app, user_id, room_id) DO UPDATE SET
       tags = COALESCE($4, p.tags), tag_colors = COALESCE($5, p.tag_colors),
       folder = CASE WHEN $7::boolean THEN $6 ELSE p.folder END,
       muted = COALESCE($8, p.muted), sticky = COALESCE($9, p.sticky), hidden = COALESCE($10, p.hidden),
       translation = COALESCE($11, p.translation), updated_at = $12
     RETURNING ${COLUMNS}`,
    [
      app,
      userId,
      roomId,
      change.tags,
      jsonText(change.tagColors),
      change.folder,
      change.folder !== undefined,
      change.muted,
      change.sticky,
      change.hidden,
      change.translation,
      at,
    ],
  )
  return toRoomPref(row!)
}

/** Remembers who left (a date) or came back (null). */
export async function setQuitted(
  tx: Queryable,
  app: string,
  userIds: readonly string[],
  roomId: string,
  quittedAt: Date | null,
  at: Date,
): Promise<void> {
  if (userIds.length === 0) return
  await tx.query(
    quittedAt === null ? 'room-prefs-returned' : 'room-prefs-quitted',
    quittedAt === null
      ? `UPDATE room_prefs SET quitted_at = $4::timestamptz, updated_at = $5
         WHERE app = $1 AND room_id = $2 AND user_id = ANY($3::text[]) AND quitted_at IS NOT NULL`
      : `INSERT INTO room_prefs AS p (app, room_id, user_id, quitted_at, updated_at)
         SELECT $1, $2, id, $4::timestamptz, $5 FROM unnest($3::text[]) AS id
         ON CONFLICT (app, user_id, room_id) DO UPDATE SET quitted_at = $4, updated_at = $5`,
    [app, roomId, userIds, quittedAt, at],
  )
}

export const PREF_KEYS = ['tags', 'tagColors', 'folder', 'muted', 'sticky', 'hidden', 'translation'] as const
export type PrefKey = (typeof PREF_KEYS)[number]

const PREF_COLUMNS: Record<PrefKey, string> = {
  tags: 'tags',
  tagColors: 'tag_colors',
  folder: 'folder',
  muted: 'muted',
  sticky: 'sticky',
  hidden: 'hidden',
  translation: 'translation',
}

/** Takes one thing back that was said of a room. */
export async function resetRoomPref(
  q: Queryable,
  app: string,
  userId: string,
  roomId: string,
  key: PrefKey,
  at: Date,
): Promise<void> {
  await q.query(
    `room-prefs-reset-${key}`,
    `UPDATE room_prefs SET ${PREF_COLUMNS[key]} = DEFAULT, updated_at = $4
     WHERE app = $1 AND user_id = $2 AND room_id = $3`,
    [app, userId, roomId, at],
  )
}

/** Rooms that the user left or was removed from, the latest first. */
export async function findQuittedRooms(
  q: Queryable,
  app: string,
  userId: string,
  limit: number,
): Promise<RoomPref[]> {
  const rows = await q.query<RoomPrefRow>(
    'room-prefs-quitted-rooms',
    `SELECT ${COLUMNS} FROM room_prefs WHERE app = $1 AND user_id = $2 AND quitted_at IS NOT NULL
     ORDER BY quitted_at DESC, room_id LIMIT $3`,
    [app, userId, limit],
  )
  return rows.map(toRoomPref)
}
