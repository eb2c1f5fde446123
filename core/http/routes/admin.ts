import { Type } from 'typebox'
import { messagesOfApp } from '../../chat/app-usage.ts'
import { asOwnUser } from '../../chat/own-users.ts'
import { muteRoomFor } from '../../chat/profile.ts'
import { presentUsage } from '../../reports/usage.ts'
import { presentMessage, presentOwnUser } from '../../wire/present.ts'
import { parseTime } from '../reading.ts'
import { type Route, route } from '../route.ts'
import { Limit, object } from '../schemas.ts'

const MAX_MESSAGES = 1_000
const OptionalText = Type.Optional(Type.String())

export const adminRoutes: Route[] = [
  route('POST /admin/clients/:uid/mute/:room', {
    caller: 'platform',
    answer: async ({ chat, actor, params }) => {
      const { uid, room } = params
      return presentOwnUser(
        await asOwnUser(chat, await muteRoomFor(chat, actor, { userId: uid, roomId: room, muted: true })),
      )
    },
  }),

  route('DELETE /admin/clients/:uid/mute/:room', {
    caller: 'platform',
    answer: async ({ chat, actor, params }) => {
      const { uid, room } = params
      return presentOwnUser(
        await asOwnUser(chat, await muteRoomFor(chat, actor, { userId: uid, roomId: room, muted: false })),
      )
    },
  }),

  route('GET /admin/messages', {
    caller: 'platform',
    query: object({ startDate: OptionalText, endDate: OptionalText, limit: Limit }),
    answer: async ({ chat, actor, query }) => {
      const { totalCount, messages } = await messagesOfApp(chat, actor, {
        start: parseTime('startDate', query.startDate),
        end: parseTime('endDate', query.endDate),
        limit: Math.min(query.limit || 100, MAX_MESSAGES),
      })
      return { totalCount, data: messages.map(presentMessage) }
    },
  }),

  route('GET /admin/connection-count', {
    caller: 'platform',
    answer: async ({ chat, actor }) => ({ count: await chat.connections.count(actor.app) }),
  }),

  route('GET /admin/stats', {
    caller: 'platform',
    answer: ({ chat, actor }) => presentUsage(chat, actor.app, chat.clock()),
  }),
]
