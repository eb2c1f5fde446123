import { Type } from 'typebox'
import { changeConfig, readConfig, removeConfig } from '../../chat/app-config.ts'
import type { ConfigEntry } from '../../store/app-config.ts'
import { type Route, route } from '../route.ts'
import { Id } from '../schemas.ts'

const presentConfig = (entries: readonly ConfigEntry[]): Record<string, unknown> =>
  Object.fromEntries(entries.map(({ key, content }) => [key, content]))

export const configRoutes: Route[] = [
  route('GET /config', {
    caller: 'any',
    answer: async ({ chat, actor }) => presentConfig(await readConfig(chat, actor)),
  }),

  route('POST /config', {
    caller: 'platform',
    body: Type.Record(Id, Type.Unknown()),
    answer: async ({ chat, actor, body }) => {
      const entries = Object.entries(body).map(([key, content]) => ({ key, content }))
      return presentConfig(await changeConfig(chat, actor, entries))
    },
  }),

  route('DELETE /config/:key', {
    caller: 'platform',
    answer: async ({ chat, actor, params }) => {
      await removeConfig(chat, actor, params.key)
      return {}
    },
  }),
]
