import { CoreError } from '../errors.ts'
import { listRoomIds, type RoomIdPage, type RoomListRequest } from '../store/room-lists.ts'
import type { Actor, ChatContext } from './context.ts'
import type { Room } from './model.ts'
import { loadRoom, loadRooms } from './populate.ts'
import { standing } from './room-access.ts'

export type RoomQuery = Omit<RoomListRequest, 'userId'>

/** The acting user's rooms that are not frozen; a platform key that acts for nobody sees every room of its app. */
export async function listRooms(
  ctx: ChatContext,
  actor: Actor,
  query: RoomQuery,
): Promise<{ totalCount: number; rooms: Room[] }> {
  const page = await listRoomIds(ctx.db, actor.app, { ...withoutMe(actor, query), userId: actor.userId })
  return { totalCount: page.totalCount, rooms: await loadRooms(ctx.db, actor.app, page.ids, actor) }
}

/** As `listRooms`, without what is in them. */
export const listIds = (
  ctx: ChatContext,
  actor: Actor,
  page: { skip: number; limit: number },
): Promise<RoomIdPage> =>
  listRoomIds(ctx.db, actor.app, {
    ...page,
    userId: actor.userId,
    filter: {},
    prefFilter: {},
    updatedAfter: undefined,
    sort: [{ by: 'activity', descending: true }],
    unreadFirst: false,
  })

export async function readRoom(ctx: ChatContext, actor: Actor, roomId: string): Promise<Room> {
  await standing(ctx.db, actor, roomId)
  const room = await loadRoom(ctx.db, actor.app, roomId, actor)
  if (room === undefined) throw new CoreError('ROOM_NOT_FOUND')
  return room
}

/** Every client asks for its own rooms by `members`; that is what it gets anyway. */
function withoutMe(actor: Actor, query: RoomQuery): RoomQuery {
  if (actor.userId === undefined || query.filter.members !== actor.userId) return query
  const { members: _, ...filter } = query.filter
  return { ...query, filter }
}
