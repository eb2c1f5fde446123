import {
  banFromRoom,
  blockUser,
  myBlocks,
  roomBlocks,
  unbanFromRoom,
  unblockUser,
} from '../../chat/blocks.ts'
import { presentBlock, presentMyBlock, presentRoomBlock } from '../../wire/present.ts'
import { type Route, route } from '../route.ts'

export const blockRoutes: Route[] = [
  route('GET /blockStatus/my', {
    caller: 'user',
    answer: async ({ chat, actor }) => {
      const blocks = await myBlocks(chat, actor)
      return { totalCount: blocks.length, data: blocks.map(presentMyBlock) }
    },
  }),

  route('POST /blockStatus/my/:blockee', {
    caller: 'user',
    answer: async ({ chat, actor, params }) => presentBlock(await blockUser(chat, actor, params.blockee)),
  }),

  route('DELETE /blockStatus/my/:blockee', {
    caller: 'user',
    answer: async ({ chat, actor, params }) => presentBlock(await unblockUser(chat, actor, params.blockee)),
  }),

  route('GET /blockStatus/room/:room', {
    caller: 'any',
    answer: async ({ chat, actor, params }) => {
      const blocks = await roomBlocks(chat, actor, params.room)
      return { totalCount: blocks.length, data: blocks.map(presentRoomBlock) }
    },
  }),

  route('POST /blockStatus/room/:room/:blockee', {
    caller: 'any',
    answer: async ({ chat, actor, params }) =>
      presentBlock(await banFromRoom(chat, actor, { roomId: params.room, blockeeId: params.blockee })),
  }),

  route('DELETE /blockStatus/room/:room/:blockee', {
    caller: 'any',
    answer: async ({ chat, actor, params }) =>
      presentBlock(await unbanFromRoom(chat, actor, { roomId: params.room, blockeeId: params.blockee })),
  }),
]
