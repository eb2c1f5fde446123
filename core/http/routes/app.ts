import { Type } from 'typebox'
import { createAppKey, listAppKeys, revokeAppKey, rotateAppKey } from '../../credentials/app-keys.ts'
import { changeSettings, describeApp } from '../../credentials/app-settings.ts'
import { type Route, route } from '../route.ts'
import { maybe, object } from '../schemas.ts'

export const NewKeyBody = object({
  kind: Type.Union([Type.Literal('platform-key'), Type.Literal('client-key')]),
  notBefore: maybe(Type.String()),
  expiresAt: maybe(Type.String()),
})
export const RotationBody = object({ until: maybe(Type.String()) })

/** A customer about its own app: settings and keys. Another's it cannot even name. */
export const appRoutes: Route[] = [
  route('GET /admin/app', {
    caller: 'platform',
    answer: ({ credentials, actor }) => describeApp(credentials, actor.app),
  }),

  route('PUT /admin/app/settings', {
    caller: 'platform',
    answer: async ({ credentials, actor, body, changedCredentials }) => {
      const { app, position } = await changeSettings(credentials, actor.app, body)
      changedCredentials(position)
      return app
    },
  }),

  route('GET /admin/app/keys', {
    caller: 'platform',
    answer: async ({ credentials, actor }) => ({ data: await listAppKeys(credentials, actor.app) }),
  }),

  route('POST /admin/app/keys', {
    caller: 'platform',
    body: NewKeyBody,
    answer: async ({ credentials, actor, body, changedCredentials }) => {
      const { key, position } = await createAppKey(credentials, actor.app, body)
      changedCredentials(position)
      return key
    },
  }),

  route('POST /admin/app/keys/:id/rotate', {
    caller: 'platform',
    body: RotationBody,
    answer: async ({ credentials, actor, params, body, changedCredentials }) => {
      const { key, position } = await rotateAppKey(credentials, actor.app, params.id, body)
      changedCredentials(position)
      return key
    },
  }),

  route('DELETE /admin/app/keys/:id', {
    caller: 'platform',
    answer: async ({ credentials, actor, params, changedCredentials }) => {
      const { position } = await revokeAppKey(credentials, actor.app, params.id)
      changedCredentials(position)
      return {}
    },
  }),
]
