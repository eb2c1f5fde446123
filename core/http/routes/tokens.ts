import { type Static, Type } from 'typebox'
import { upsertClient } from '../../chat/clients.ts'
import { signIn } from '../../credentials/sign-in.ts'
import { bindToken, listTokens, randomToken, revokeTokens } from '../../credentials/tokens.ts'
import { parseProfile } from '../../wire/client-body.ts'
import { presentToken } from '../../wire/present.ts'
import { type Call, type Route, route } from '../route.ts'
import { Id, maybe, object, Text } from '../schemas.ts'

const SignBody = object({
  id: Id,
  nickname: maybe(Text),
  avatarUrl: maybe(Text),
  email: maybe(Text),
  description: maybe(Text),
  publicKey: maybe(Text),
})

/** Creates or updates the client and issues it a token. */
async function sign(call: Call<'sandbox', string, unknown, Static<typeof SignBody>>) {
  const { chat, credentials, actor, body } = call
  const user = await upsertClient(chat, actor, body.id, parseProfile(body, false))
  const { token, expiresAt, position } = await signIn(credentials, actor.app, user)
  call.changedCredentials(position)
  return {
    authType: 'Standalone JWT',
    token,
    expirationDate: expiresAt.toISOString(),
    expirationDateMS: expiresAt.getTime(),
    id: user.id,
    exp: Math.floor(expiresAt.getTime() / 1_000),
    nickname: user.nickname,
    avatarUrl: user.avatarUrl,
  }
}

export const tokenRoutes: Route[] = [
  route('POST /auths/sign', { caller: 'sandbox', body: SignBody, bare: true, answer: sign }),
  route('POST /auths/sign/v2', { caller: 'sandbox', body: SignBody, answer: sign }),

  route('GET /auths/token', {
    caller: 'platform',
    query: object({ size: Type.Optional(Type.Integer()) }),
    answer: async ({ query }) => ({ token: randomToken(query.size) }),
  }),

  route('GET /auths/tokens', {
    caller: 'platform',
    query: object({ client: Type.Optional(Id) }),
    answer: async ({ credentials, actor, query }) => {
      const { totalCount, tokens } = await listTokens(credentials, actor.app, query.client)
      return { totalCount, data: tokens.map(presentToken) }
    },
  }),

  route('PUT /admin/clients/:id/token', {
    caller: 'platform',
    body: object({ token: Type.String(), expirationDate: maybe(Type.String()) }),
    answer: async ({ credentials, actor, params, body, changedCredentials }) => {
      const { token, position } = await bindToken(credentials, actor.app, { userId: params.id, ...body })
      changedCredentials(position)
      return presentToken(token)
    },
  }),

  route('DELETE /admin/clients/:id/token', {
    caller: 'platform',
    body: object({ token: maybe(Type.String()) }),
    answer: async ({ credentials, actor, params, body, changedCredentials }) => {
      // Empty is a slip, and must not mean all of them.
      const selection = 'token' in body ? { token: body.token ?? '' } : 'all'
      const { tokens, position } = await revokeTokens(credentials, actor.app, params.id, selection)
      changedCredentials(position)
      return { data: tokens.map(presentToken) }
    },
  }),
]
