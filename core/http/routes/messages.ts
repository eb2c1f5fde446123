import { type Static, Type } from 'typebox'
import { react, unreact } from '../../chat/change-message.ts'
import { countMessages } from '../../chat/count-messages.ts'
import { listMessages, listMessagesAround, listMessagesBefore } from '../../chat/list-messages.ts'
import { markRead } from '../../chat/mark-read.ts'
import { sendMessage } from '../../chat/send-message.ts'
import { sendTyping } from '../../chat/send-typing.ts'
import { streamText } from '../../chat/stream-text.ts'
import { parseMessageBody } from '../../wire/message-body.ts'
import { presentMessage } from '../../wire/present.ts'
import { inspected } from '../inspect.ts'
import { parseFilter, parseTime } from '../reading.ts'
import { type Route, route } from '../route.ts'
import { Id, Limit, maybe, object } from '../schemas.ts'

const MAX_PAGE = 500
/** The last moment that a Date can hold. */
const LATEST_MS = 8_640_000_000_000_000
const DEFAULT_PAGE = 20
const MAX_REACTION_LENGTH = 64
/** Of one event; a room's readers get each. */
const MAX_STREAMED_LENGTH = 4_096

const OptionalText = Type.Optional(Type.String())

const said = (description: string) => Type.Optional(Type.Unknown({ description }))
/** Told, and checked by `parseMessageBody`, which knows what clients send for nothing. */
const MESSAGE_FIELDS = {
  messageType: said('A text; `text` without it.'),
  message: said('What is said; each type has its own.'),
  _id: said('Of the message that is to be changed.'),
  clientMessageID: said('A text of the client’s own: sent again, the message is there once.'),
  reply: said('The message that is answered, as its id or as an object with `_id`.'),
  mentions: said('Ids of the users who are named in it.'),
}
/** All other fields are kept as they are. */
const MessageBody = object(MESSAGE_FIELDS)

const V3Query = object({
  limit: Limit,
  beforeMessage: OptionalText,
  afterMessage: OptionalText,
  afterTime: OptionalText,
  timeRangeField: Type.Optional(
    Type.Union([Type.Literal('updatedAt'), Type.Literal('createdAt'), Type.Literal('messageTime')]),
  ),
  sortOrder: Type.Optional(Type.Union([Type.Literal('asc'), Type.Literal('desc')])),
})

const pageSize = (limit: number | undefined) => Math.min(limit || DEFAULT_PAGE, MAX_PAGE)

const parseV3Query = (query: Static<typeof V3Query>) => ({
  before: query.beforeMessage || undefined,
  after: query.afterMessage || undefined,
  since: parseTime('afterTime', query.afterTime),
  by: (query.timeRangeField ?? 'updatedAt') === 'updatedAt' ? ('change' as const) : ('creation' as const),
  newestFirst: query.sortOrder !== 'asc',
  limit: pageSize(query.limit),
})

export const messageRoutes: Route[] = [
  route('POST /rooms/:id/message', {
    caller: 'any',
    body: MessageBody,
    answer: async ({ chat, actor, params, body }) =>
      presentMessage(await sendMessage(chat, actor, { ...parseMessageBody(body), roomId: params.id })),
  }),

  route('POST /messages', {
    caller: 'platform',
    body: object({
      room: Id,
      sender: said('The user who says it; nobody without it.'),
      ...MESSAGE_FIELDS,
      push: said('`false`: nobody is pushed.'),
      skipTotalBadge: said('`true`: no total of unread messages grows.'),
    }),
    answer: async ({ chat, actor, body }) => {
      const { push, skipTotalBadge, ...message } = body
      const followUps = {
        ...(push === false && { push: false as const }),
        ...(skipTotalBadge === true && { badge: false as const }),
      }
      return presentMessage(
        await sendMessage(chat, actor, { ...parseMessageBody(message), roomId: body.room, followUps }),
      )
    },
  }),

  route('GET /rooms/:id/messages/v3', {
    caller: 'any',
    query: V3Query,
    answer: ({ chat, actor, params, query }) =>
      inspected(query, async () => {
        const page = await listMessages(chat, actor, { roomId: params.id, ...parseV3Query(query) })
        const deleted = new Set(page.userDeletedIds)
        return {
          totalCount: page.totalCount,
          data: page.messages.map((message) => ({
            ...presentMessage(message),
            isDeleted: deleted.has(message.id),
          })),
          userDeletedIDs: page.userDeletedIds,
        }
      }),
  }),

  route('GET /rooms/:id/messages', {
    caller: 'any',
    query: object({ limit: Limit, beforeMessage: OptionalText, q: OptionalText }),
    answer: async ({ chat, actor, params, query }) => {
      const { totalCount, messages } = await listMessagesBefore(chat, actor, {
        roomId: params.id,
        before: query.beforeMessage || undefined,
        limit: pageSize(query.limit),
        filter: parseFilter('q', query.q),
      })
      return { totalCount, data: messages.map(presentMessage) }
    },
  }),

  route('GET /rooms/:id/messages/:messageId', {
    caller: 'any',
    query: object({ before: Limit, after: Limit }),
    answer: async ({ chat, actor, params, query }) => {
      const messages = await listMessagesAround(chat, actor, {
        roomId: params.id,
        messageId: params.messageId,
        before: Math.min(query.before ?? 0, MAX_PAGE),
        after: Math.min(query.after ?? 0, MAX_PAGE),
      })
      return { totalCount: messages.length, data: messages.map(presentMessage) }
    },
  }),

  route('GET /rooms/:id/count', {
    caller: 'any',
    query: object({ timeInMS: Type.Optional(Type.Number({ minimum: 0, maximum: LATEST_MS })) }),
    answer: async ({ chat, actor, params, query }) => ({
      count: await countMessages(chat, actor, { roomId: params.id, afterMs: query.timeInMS ?? 0 }),
    }),
  }),

  route('PUT /rooms/:id/lastRead', {
    caller: 'user',
    body: object({ message: maybe(Type.String()) }),
    answer: async ({ chat, actor, params, body }) => {
      const mark = await markRead(chat, actor, { roomId: params.id, messageId: body.message || undefined })
      return { client: mark.userId, lastRead: mark.messageId, badge: mark.unread }
    },
  }),

  route('POST /rooms/:id/typing', {
    caller: 'user',
    body: object({ message: maybe(Type.String({ maxLength: 1_024 })) }),
    answer: async ({ chat, actor, params, body }) => {
      const text = body.message ?? ''
      const { senderId } = await sendTyping(chat, actor, { roomId: params.id, text })
      return { message: text, room: params.id, sender: senderId }
    },
  }),

  route('POST /messages/:id/streaming', {
    caller: 'any',
    body: object({ text: Type.String({ minLength: 1, maxLength: MAX_STREAMED_LENGTH }) }),
    answer: async ({ chat, actor, params, body }) => {
      await streamText(chat, actor, { messageId: params.id, text: body.text })
      return {}
    },
  }),

  route('POST /messages/:id/reaction', {
    caller: 'user',
    body: object({ reaction: Type.String({ minLength: 1, maxLength: MAX_REACTION_LENGTH }) }),
    answer: async ({ chat, actor, params, body }) =>
      presentMessage(await react(chat, actor, { messageId: params.id, reaction: body.reaction })),
  }),

  route('DELETE /messages/:id/reaction', {
    caller: 'user',
    query: object({ reaction: OptionalText }),
    body: object({ reaction: maybe(Type.String()) }),
    answer: async ({ chat, actor, params, query, body }) => {
      const reaction = query.reaction || body.reaction || undefined
      return presentMessage(await unreact(chat, actor, { messageId: params.id, reaction }))
    },
  }),
]
