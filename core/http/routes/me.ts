import { Type } from 'typebox'
import { actingUser } from '../../chat/context.ts'
import { totalBadge } from '../../chat/mark-read.ts'
import { asOwnUser } from '../../chat/own-users.ts'
import { muteRoom, readProfile, updateProfile } from '../../chat/profile.ts'
import { unsubscribeDevices } from '../../chat/subscriptions.ts'
import { revokeTokens } from '../../credentials/tokens.ts'
import { CoreError } from '../../errors.ts'
import { parseProfile } from '../../wire/client-body.ts'
import { presentOwnUser, presentToken } from '../../wire/present.ts'
import { type Route, route } from '../route.ts'
import { maybe, object, Text } from '../schemas.ts'

const ProfileBody = object({
  nickname: maybe(Text),
  avatarUrl: maybe(Text),
  email: maybe(Text),
  description: maybe(Text),
  publicKey: maybe(Text),
})

const OneOrMany = Type.Optional(Type.Union([Type.Array(Type.String()), Type.String()]))

export const meRoutes: Route[] = [
  route('GET /me', {
    caller: 'user',
    answer: async ({ chat, actor }) => presentOwnUser(await asOwnUser(chat, await readProfile(chat, actor))),
  }),

  route('POST /me', {
    caller: 'user',
    body: ProfileBody,
    answer: async ({ chat, actor, body }) =>
      presentOwnUser(await asOwnUser(chat, await updateProfile(chat, actor, parseProfile(body, false)))),
  }),

  route('GET /me/badge', {
    caller: 'user',
    query: object({ roomTags: OneOrMany }),
    answer: async ({ chat, actor, query }) => ({
      badge: await totalBadge(chat, actor, [query.roomTags ?? []].flat()),
    }),
  }),

  route('POST /me/mute/:room', {
    caller: 'user',
    answer: async ({ chat, actor, params }) =>
      presentOwnUser(
        await asOwnUser(chat, await muteRoom(chat, actor, { roomId: params.room, muted: true })),
      ),
  }),

  route('DELETE /me/mute/:room', {
    caller: 'user',
    answer: async ({ chat, actor, params }) =>
      presentOwnUser(
        await asOwnUser(chat, await muteRoom(chat, actor, { roomId: params.room, muted: false })),
      ),
  }),

  route('POST /me/notification/enable', {
    caller: 'user',
    answer: async ({ chat, actor }) =>
      presentOwnUser(await asOwnUser(chat, await updateProfile(chat, actor, { notificationEnabled: true }))),
  }),

  route('POST /me/notification/disable', {
    caller: 'user',
    answer: async ({ chat, actor }) =>
      presentOwnUser(await asOwnUser(chat, await updateProfile(chat, actor, { notificationEnabled: false }))),
  }),

  route('POST /me/logout', {
    caller: 'user',
    answer: async ({ chat, credentials, actor, changedCredentials }) => {
      if (actor.kind === 'platform')
        throw new CoreError('INVALID_REQUEST', 'A platform key logs nobody out; revoke the client’s tokens.')
      const { credentialId, expiresAtMs } = actor
      const revoked = await revokeTokens(credentials, actor.app, actor.userId, { credentialId, expiresAtMs })
      changedCredentials(revoked.position)
      await unsubscribeDevices(chat, actor, 'this')
      const [token] = revoked.tokens
      return token === undefined ? {} : presentToken(token)
    },
  }),

  route('POST /me/logout-others', {
    caller: 'user',
    answer: async ({ chat, credentials, actor, changedCredentials }) => {
      const selection = { allBut: actor.credentialId }
      const revoked = await revokeTokens(credentials, actor.app, actingUser(actor), selection)
      changedCredentials(revoked.position)
      await unsubscribeDevices(chat, actor, 'others')
      return { data: revoked.tokens.map(presentToken) }
    },
  }),
]
