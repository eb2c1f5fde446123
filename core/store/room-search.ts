/** Rooms found by what they are called, who is inside and how their reader has filed them. */
import type { Queryable } from './database.ts'
import { PREFS_OF_ROOM } from './room-prefs.ts'

export type RoomSearchKind = 'roomName' | 'roomMember' | 'roomTags' | 'roomPrefTags' | 'roomPrefFolder'

const CONDITIONS: Record<RoomSearchKind, string> = {
  roomName: 'r.name ILIKE $3',
  roomMember: `EXISTS (
    SELECT FROM members o JOIN users u ON u.app = o.app AND u.id = o.user_id
    WHERE o.app = r.app AND o.room_id = r.id AND o.user_id <> m.user_id
      AND (u.nickname ILIKE $3 OR u.id ILIKE $3))`,
  roomTags: 'EXISTS (SELECT FROM unnest(r.room_tags) AS tag WHERE tag ILIKE $3)',
  roomPrefTags: `EXISTS (
    SELECT FROM jsonb_array_elements(p.tags) AS list, jsonb_array_elements_text(list) AS tag WHERE tag ILIKE $3)`,
  roomPrefFolder: 'p.folder ILIKE $3',
}

/** Ids of the user's rooms that are not frozen, the latest active first. */
export async function searchRoomIds(
  q: Queryable,
  app: string,
  userId: string,
  kind: RoomSearchKind,
  request: { keyword: string; roomId: string | undefined; tags: readonly string[]; limit: number },
): Promise<string[]> {
  const pattern = `%${request.keyword.replace(/[\\%_]/g, '\\$&')}%`
  const rows = await q.query<{ id: string }>(
    `search-${kind}`,
    `SELECT r.id FROM members m JOIN rooms r ON r.app = m.app AND r.id = m.room_id
     ${kind === 'roomPrefTags' || kind === 'roomPrefFolder' ? PREFS_OF_ROOM : ''}
     WHERE m.app = $1 AND m.user_id = $2 AND r.status = 1 AND ${CONDITIONS[kind]}
       AND ($4::text IS NULL OR r.id = $4) AND r.room_tags @> $5::text[]
     ORDER BY r.active_at DESC, r.id LIMIT $6`,
    [app, userId, pattern, request.roomId, request.tags, request.limit],
  )
  return rows.map((row) => row.id)
}
