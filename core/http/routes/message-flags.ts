import { hideMessage, hideSender, listPinned, pinMessage } from '../../chat/flag-messages.ts'
import { presentMessage } from '../../wire/present.ts'
import { inspected } from '../inspect.ts'
import { type Route, route } from '../route.ts'
import { Id, object } from '../schemas.ts'

const SenderInRoom = object({ room: Id, sender: Id })
const counted = (n: number) => ({ n, nModified: n, ok: 1 })

export const messageFlagRoutes: Route[] = [
  route('GET /rooms/:id/pined-messages', {
    caller: 'any',
    answer: ({ chat, actor, params }) =>
      inspected({}, async () => {
        const messages = await listPinned(chat, actor, params.id)
        return { totalCount: messages.length, data: messages.map(presentMessage) }
      }),
  }),

  route('POST /messages/:id/pin', {
    caller: 'any',
    answer: async ({ chat, actor, params }) =>
      presentMessage(await pinMessage(chat, actor, { messageId: params.id, pinned: true })),
  }),

  route('DELETE /messages/:id/pin', {
    caller: 'any',
    answer: async ({ chat, actor, params }) =>
      presentMessage(await pinMessage(chat, actor, { messageId: params.id, pinned: false })),
  }),

  route('POST /messages/:id/hidden', {
    caller: 'any',
    answer: async ({ chat, actor, params }) =>
      presentMessage(await hideMessage(chat, actor, { messageId: params.id, hidden: true })),
  }),

  route('DELETE /messages/:id/hidden', {
    caller: 'any',
    answer: async ({ chat, actor, params }) =>
      presentMessage(await hideMessage(chat, actor, { messageId: params.id, hidden: false })),
  }),

  route('POST /messages/hide-by-sender-in-room', {
    caller: 'any',
    body: SenderInRoom,
    answer: async ({ chat, actor, body }) =>
      counted(await hideSender(chat, actor, { roomId: body.room, senderId: body.sender, hidden: true })),
  }),

  route('POST /messages/unhide-by-sender-in-room', {
    caller: 'any',
    body: SenderInRoom,
    answer: async ({ chat, actor, body }) =>
      counted(await hideSender(chat, actor, { roomId: body.room, senderId: body.sender, hidden: false })),
  }),
]
