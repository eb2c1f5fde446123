import { listGroups, putGroup } from '../../chat/groups.ts'
import { presentGroup } from '../../wire/present.ts'
import { type Route, route } from '../route.ts'
import { Ids, Limit, maybe, NewId, object, Text } from '../schemas.ts'

const MAX_GROUPS = 1_000

export const groupRoutes: Route[] = [
  route('POST /admin/groups', {
    caller: 'platform',
    body: object({ _id: maybe(NewId), nickname: Text, avatarUrl: maybe(Text), members: maybe(Ids) }),
    answer: async ({ chat, actor, body }) =>
      presentGroup(
        await putGroup(chat, actor, {
          id: body._id || undefined,
          nickname: body.nickname,
          avatarUrl: body.avatarUrl,
          memberIds: body.members ?? undefined,
        }),
      ),
  }),

  route('GET /admin/groups', {
    caller: 'platform',
    query: object({ limit: Limit }),
    answer: async ({ chat, actor, query }) => {
      const { totalCount, groups } = await listGroups(
        chat,
        actor,
        Math.min(query.limit || MAX_GROUPS, MAX_GROUPS),
      )
      return { totalCount, data: groups.map(presentGroup) }
    },
  }),
]
