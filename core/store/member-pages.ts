/** Some of a room's members, with their users: for rooms that are too large to be told whole. */
import type { Queryable } from './database.ts'
import { MEMBER_COLUMNS, type MemberRow } from './members.ts'
import { USER_COLUMNS, type UserRow } from './users.ts'

/** In the order of their ids, no more than `limit` of each room: the viewer, and the first of those who are direct. */
export async function findSomeMembers(
  q: Queryable,
  app: string,
  roomIds: readonly string[],
  viewerId: string | undefined,
  limit: number,
): Promise<Array<MemberRow & UserRow>> {
  if (roomIds.length === 0) return []
  return q.query<MemberRow & UserRow>(
    'members-some',
    `SELECT ${MEMBER_COLUMNS}, ${USER_COLUMNS}
     FROM unnest($2::text[]) AS given (id) CROSS JOIN LATERAL (
       SELECT * FROM members WHERE app = $1 AND room_id = given.id AND user_id = $3::text
       UNION ALL (
         SELECT * FROM members WHERE app = $1 AND room_id = given.id AND direct AND user_id IS DISTINCT FROM $3
         ORDER BY user_id LIMIT $4::int)
     ) m JOIN users u ON u.app = m.app AND u.id = m.user_id ORDER BY m.user_id`,
    [app, roomIds, viewerId, viewerId === undefined ? limit : limit - 1],
  )
}

/** A room's direct members in the order of their ids. */
export async function pageMembers(
  q: Queryable,
  app: string,
  roomId: string,
  page: { after: string; limit: number },
): Promise<Array<MemberRow & UserRow>> {
  return q.query<MemberRow & UserRow>(
    'members-page',
    `SELECT ${MEMBER_COLUMNS}, ${USER_COLUMNS}
     FROM members m JOIN users u ON u.app = m.app AND u.id = m.user_id
     WHERE m.app = $1 AND m.room_id = $2 AND m.direct AND m.user_id > $3 ORDER BY m.user_id LIMIT $4::int`,
    [app, roomId, page.after, page.limit],
  )
}
