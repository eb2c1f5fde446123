import { type Static, Type } from 'typebox'
import { listClients, upsertClient, upsertClients } from '../../chat/clients.ts'
import { asOwnUser, asOwnUsers, type OwnUser } from '../../chat/own-users.ts'
import { disabledSince, disableUser, enableUser } from '../../credentials/disablement.ts'
import { bindToken, issueToken } from '../../credentials/tokens.ts'
import { parseProfile } from '../../wire/client-body.ts'
import { presentOwnUser } from '../../wire/present.ts'
import { parseFilter } from '../reading.ts'
import { type Call, type Route, route } from '../route.ts'
import { Flag, Id, Limit, maybe, object, Skip, Text } from '../schemas.ts'

const Profile = {
  _id: Id,
  nickname: maybe(Text),
  avatarUrl: maybe(Text),
  email: maybe(Text),
  description: maybe(Text),
  publicKey: maybe(Text),
  isRobot: maybe(Flag),
  notificationEnabled: maybe(Flag),
}

const ClientBody = object({
  ...Profile,
  issueAccessToken: maybe(Flag),
  token: maybe(Type.String()),
  expirationDate: maybe(Type.String()),
})

const MAX_BATCH = 1_000
const DEFAULT_LIMIT = 50
const MAX_LIMIT = 1_000

async function upsert(call: Call<'platform', string, unknown, Static<typeof ClientBody>>) {
  const { chat, credentials, actor, body } = call
  const user = await asOwnUser(chat, await upsertClient(chat, actor, body._id, parseProfile(body, true)))
  if (!body.issueAccessToken && !body.token) return presentOwnUser(user)
  const { token, position } = body.issueAccessToken
    ? await issueToken(credentials, actor.app, user)
    : await bindToken(credentials, actor.app, {
        userId: user.id,
        token: body.token,
        expirationDate: body.expirationDate,
      })
  call.changedCredentials(position)
  return {
    ...presentOwnUser(user),
    token: token.token,
    expirationDate: token.expiresAt.toISOString(),
    expirationDateMS: token.expiresAt.getTime(),
  }
}

export const clientRoutes: Route[] = [
  route('POST /admin/clients', { caller: 'platform', body: ClientBody, answer: upsert }),

  route('POST /admin/clients/list', {
    caller: 'platform',
    body: object({ data: Type.Array(object(Profile), { maxItems: MAX_BATCH }) }),
    answer: async ({ chat, actor, body }) => {
      const clients = body.data.map((client) => ({ id: client._id, profile: parseProfile(client, true) }))
      return { count: await upsertClients(chat, actor, clients) }
    },
  }),

  route('GET /admin/clients', {
    caller: 'platform',
    query: object({ q: Type.Optional(Type.String()), skip: Skip, limit: Limit }),
    answer: async ({ chat, credentials, actor, query }) => {
      const { totalCount, users } = await listClients(chat, actor, {
        filter: parseFilter('q', query.q),
        skip: query.skip ?? 0,
        limit: Math.min(query.limit || DEFAULT_LIMIT, MAX_LIMIT),
      })
      const ids = users.map((user) => user.id)
      const [since, own] = await Promise.all([
        disabledSince(credentials, actor.app, ids),
        asOwnUsers(chat, actor.app, users),
      ])
      const present = (user: OwnUser) => ({
        ...presentOwnUser(user),
        disabledAt: since.get(user.id)?.toISOString() ?? null,
      })
      return { totalCount, data: own.map(present) }
    },
  }),

  route('POST /admin/clients/:id/disable', {
    caller: 'platform',
    answer: async ({ credentials, actor, params, changedCredentials }) => {
      const { position } = await disableUser(credentials, actor.app, params.id)
      changedCredentials(position)
      return {}
    },
  }),

  route('POST /admin/clients/:id/enable', {
    caller: 'platform',
    answer: async ({ credentials, actor, params, changedCredentials }) => {
      const { position } = await enableUser(credentials, actor.app, params.id)
      changedCredentials(position)
      return {}
    },
  }),
]
