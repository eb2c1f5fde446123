import { Type } from 'typebox'
import { badgesByTag, badgesOfTokens, type TagBadges } from '../../chat/tag-badges.ts'
import { parseTime } from '../reading.ts'
import { type Route, route } from '../route.ts'
import { maybe, object, Texts } from '../schemas.ts'

const MAX_TOKENS = 100
const MAX_TOKEN_LENGTH = 4_096

const presentBadges = ({ total, byTag }: TagBadges) => ({
  totalBadge: total,
  data: Object.fromEntries(byTag),
})

export const badgeRoutes: Route[] = [
  route('POST /badges', {
    caller: 'client-key',
    body: object({
      tokens: Type.Array(Type.String({ minLength: 1, maxLength: MAX_TOKEN_LENGTH }), {
        maxItems: MAX_TOKENS,
      }),
    }),
    answer: async ({ chat, actor, body }) => {
      const badges = await badgesOfTokens(chat, actor.app, body.tokens)
      return {
        data: badges.map(({ userId, unread }) => ({ client: userId, badge: unread })),
        totalBadge: badges.reduce((sum, { unread }) => sum + unread, 0),
      }
    },
  }),

  route('POST /badges/byRoomTags', {
    caller: 'any',
    body: object({ tags: maybe(Texts) }),
    answer: async ({ chat, actor, body }) =>
      presentBadges(await badgesByTag(chat, actor, { tags: body.tags ?? [] })),
  }),

  route('POST /badges/byRoomTagsAndTime', {
    caller: 'any',
    body: object({ tags: maybe(Texts), beforeTime: maybe(Type.Union([Type.String(), Type.Number()])) }),
    answer: async ({ chat, actor, body }) => {
      const before = parseTime('beforeTime', body.beforeTime == null ? undefined : String(body.beforeTime))
      return presentBadges(await badgesByTag(chat, actor, { tags: body.tags ?? [], before }))
    },
  }),
]
