import { type Static, Type } from 'typebox'
import { createRoom } from '../../chat/create-room.ts'
import { listIds, listRooms, readRoom } from '../../chat/list-rooms.ts'
import { deleteRoom, setBotState, updateRoom } from '../../chat/manage-room.ts'
import { openRoom, roomExists } from '../../chat/open-room.ts'
import { quittedRooms } from '../../chat/quitted-rooms.ts'
import { presentNewRoom, presentQuittedRoom, presentRoom } from '../../wire/present.ts'
import { inspected } from '../inspect.ts'
import { parseFilter, parseTime } from '../reading.ts'
import {
  inviteesOf,
  NewRoomBody,
  parseRoomChange,
  parseRoomFields,
  parseRoomSort,
  RoomChangeBody,
  roomTypeOf,
} from '../room-body.ts'
import { type Route, route } from '../route.ts'
import { Limit, object, Skip, Text } from '../schemas.ts'

const MAX_ROOMS = 1_000
const MAX_ROOM_IDS = 10_000

const OptionalText = Type.Optional(Type.String())

const ListQuery = object({
  q: OptionalText,
  pref: OptionalText,
  /** So it stands in one of the original's own examples. */
  prefs: OptionalText,
  skip: Skip,
  limit: Limit,
  sort: OptionalText,
  sortUnreadFirst: OptionalText,
  updatedAfter: OptionalText,
})

const parseListQuery = (query: Static<typeof ListQuery>) => ({
  filter: parseFilter('q', query.q),
  prefFilter: parseFilter('pref', query.pref ?? query.prefs),
  sort: parseRoomSort(query.sort),
  unreadFirst: !['', '0', 'false'].includes(query.sortUnreadFirst ?? ''),
  updatedAfter: parseTime('updatedAfter', query.updatedAfter),
  skip: query.skip ?? 0,
  limit: Math.min(query.limit || MAX_ROOMS, MAX_ROOMS),
})

export const roomRoutes: Route[] = [
  route('POST /rooms', {
    caller: 'any',
    body: NewRoomBody,
    answer: async ({ chat, actor, body }) =>
      presentNewRoom(
        await createRoom(chat, actor, {
          id: body._id || undefined,
          roomType: roomTypeOf(body),
          memberIds: inviteesOf(body),
          ownerId: body.owner ?? undefined,
          fields: parseRoomFields(body),
          systemMessage: body.systemMessage ?? false,
        }),
      ),
  }),

  // A customer's server that acts for nobody opens it for the invitees alone.
  route('POST /rooms/createAndJoin', {
    caller: 'any',
    body: NewRoomBody,
    answer: async ({ chat, actor, body }) =>
      presentRoom(
        await openRoom(chat, actor, {
          id: body._id || undefined,
          roomType: roomTypeOf(body),
          inviteeIds: inviteesOf(body),
          fields: parseRoomFields(body),
          systemMessage: body.systemMessage ?? false,
          invitationRequired: body.invitationRequired ?? undefined,
        }),
      ),
  }),

  route('GET /rooms', {
    caller: 'any',
    query: ListQuery,
    answer: ({ chat, actor, query }) =>
      inspected(query, async () => {
        const { totalCount, rooms } = await listRooms(chat, actor, parseListQuery(query))
        return { totalCount, data: rooms.map(presentRoom) }
      }),
  }),

  route('GET /rooms/ids', {
    caller: 'any',
    query: object({ skip: Skip, limit: Limit }),
    answer: ({ chat, actor, query }) =>
      inspected(query, async () => {
        const limit = Math.min(query.limit || MAX_ROOM_IDS, MAX_ROOM_IDS)
        const { totalCount, ids } = await listIds(chat, actor, { skip: query.skip ?? 0, limit })
        return { totalCount, data: ids }
      }),
  }),

  route('GET /rooms/quitted', {
    caller: 'user',
    answer: async ({ chat, actor }) => {
      const rooms = await quittedRooms(chat, actor)
      return { totalCount: rooms.length, data: rooms.map(presentQuittedRoom) }
    },
  }),

  route('GET /rooms/:id', {
    caller: 'any',
    answer: async ({ chat, actor, params }) => presentRoom(await readRoom(chat, actor, params.id)),
  }),

  route('GET /rooms/:id/exists', {
    caller: 'any',
    answer: async ({ chat, actor, params }) => ({ exists: await roomExists(chat, actor, params.id) }),
  }),

  route('PUT /rooms/:id', {
    caller: 'any',
    body: RoomChangeBody,
    answer: async ({ chat, actor, params, body }) =>
      presentRoom(await updateRoom(chat, actor, { roomId: params.id, fields: parseRoomChange(body) })),
  }),

  route('PUT /rooms/:id/bot', {
    caller: 'any',
    body: object({ botState: Type.Union([Text, Type.Null()]) }),
    answer: async ({ chat, actor, params, body }) =>
      presentRoom(await setBotState(chat, actor, { roomId: params.id, botState: body.botState })),
  }),

  route('DELETE /rooms/:id', {
    caller: 'any',
    answer: async ({ chat, actor, params }) => {
      await deleteRoom(chat, actor, params.id)
      return { n: 1, nModified: 1, ok: 1 }
    },
  }),
]
