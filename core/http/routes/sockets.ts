import { Type } from 'typebox'
import type { LiveSocket } from '../../chat/context.ts'
import { CoreError } from '../../errors.ts'
import { type Route, route } from '../route.ts'
import { Id, Limit, object } from '../schemas.ts'

const MAX_PAGE = 500
const DEFAULT_PAGE = 50

export const socketRoutes: Route[] = [
  route('GET /admin/sockets', {
    caller: 'platform',
    query: object({ client: Type.Optional(Id), before: Type.Optional(Id), limit: Limit }),
    answer: async ({ chat, actor, query }) => {
      const { sockets, isComplete } = await chat.liveSockets.list(actor.app, {
        userId: query.client,
        before: query.before,
        limit: Math.min(query.limit || DEFAULT_PAGE, MAX_PAGE),
      })
      return { complete: isComplete, data: sockets.map(presentSocket) }
    },
  }),

  route('DELETE /admin/sockets/:id', {
    caller: 'platform',
    answer: async ({ chat, actor, params }) => {
      const fate = await chat.liveSockets.cut(actor.app, params.id)
      if (fate === 'absent') throw new CoreError('SOCKET_NOT_FOUND')
      if (fate === 'unknown') throw new CoreError('CORES_UNAVAILABLE')
      return {}
    },
  }),
]

const presentSocket = ({ id, userId, deviceId, credential, connectedAtMs, ...rest }: LiveSocket) => ({
  _id: id,
  id,
  ...rest,
  client: userId ?? null,
  deviceId: deviceId ?? null,
  credential: credential ?? null,
  connectedAt: new Date(connectedAtMs).toISOString(),
  connectedAtMS: connectedAtMs,
})
