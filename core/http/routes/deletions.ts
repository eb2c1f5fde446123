import { deleteAllMessages, deleteMessage } from '../../chat/delete-messages.ts'
import { clearForMe, deleteForMe, listDeletedForMe } from '../../chat/user-deletions.ts'
import { type Route, route } from '../route.ts'
import { Id, Ids, object } from '../schemas.ts'

/** Clients know it as the name of every message of a room. */
const ALL = '_all'

export const deletionRoutes: Route[] = [
  route('DELETE /rooms/:id/messages/:messageId', {
    caller: 'any',
    answer: async ({ chat, actor, params }) => {
      const { id: roomId, messageId } = params
      const { count, at } =
        messageId === ALL
          ? await deleteAllMessages(chat, actor, roomId)
          : await deleteMessage(chat, actor, { roomId, messageId })
      return {
        deletedCount: count,
        roomID: roomId,
        messageID: messageId,
        deletedBy: actor.userId ?? null,
        deletedAt: at.toISOString(),
        deletedAtMS: at.getTime(),
      }
    },
  }),

  route('POST /messages/user-delete', {
    caller: 'user',
    body: object({ room: Id, messages: Ids }),
    answer: async ({ chat, actor, body }) => {
      const ids = await deleteForMe(chat, actor, { roomId: body.room, messageIds: body.messages })
      return { n: ids.length, nModified: ids.length, ok: 1, room: body.room, messages: ids }
    },
  }),

  route('GET /messages/user-delete', {
    caller: 'user',
    query: object({ room: Id }),
    answer: async ({ chat, actor, query }) => {
      const deletions = await listDeletedForMe(chat, actor, query.room)
      return {
        totalCount: deletions.length,
        data: deletions.map(({ messageId, createdAt, updatedAt }) => ({
          message: messageId,
          createdAt: createdAt.toISOString(),
          createdAtMS: createdAt.getTime(),
          updatedAt: updatedAt.toISOString(),
          updatedAtMS: updatedAt.getTime(),
        })),
      }
    },
  }),

  route('POST /messages/user-delete/all-in-room', {
    caller: 'user',
    body: object({ room: Id }),
    answer: async ({ chat, actor, body }) => {
      const { totalCount, messageIds } = await clearForMe(chat, actor, body.room)
      return {
        n: totalCount,
        nModified: totalCount,
        ok: 1,
        room: body.room,
        totalCount,
        messages: messageIds,
      }
    },
  }),
]
