import { Type } from 'typebox'
import { deletePref, listPrefs, listRoomPrefs, putPref, updateRoomPref } from '../../chat/prefs.ts'
import { presentRoomPref } from '../../wire/present.ts'
import { type Route, route } from '../route.ts'
import { Flag, maybe, object, Text, Texts } from '../schemas.ts'

const RoomPrefBody = object({
  tags: maybe(Texts),
  tagColors: maybe(Type.Record(Type.String({ maxLength: 256 }), Type.String({ maxLength: 64 }))),
  folder: maybe(Text),
  muted: maybe(Flag),
  sticky: maybe(Flag),
  hidden: maybe(Flag),
  translation: maybe(Flag),
})

const presentPref = (pref: { key: string; content: unknown }) => ({ key: pref.key, data: pref.content })

export const prefRoutes: Route[] = [
  route('GET /me/pref', {
    caller: 'user',
    query: object({ key: Type.Optional(Type.String()) }),
    answer: async ({ chat, actor, query }) => {
      const prefs = (await listPrefs(chat, actor)).map(presentPref)
      if (query.key === undefined) return prefs
      return prefs.find((pref) => pref.key === query.key) ?? { key: query.key, data: null }
    },
  }),

  route('GET /me/prefs', {
    caller: 'user',
    answer: async ({ chat, actor }) =>
      Object.fromEntries((await listPrefs(chat, actor)).map(({ key, content }) => [key, content])),
  }),

  route('POST /me/pref/:key', {
    caller: 'user',
    body: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Array(Type.Unknown())]),
    answer: async ({ chat, actor, params, body }) =>
      presentPref(await putPref(chat, actor, { key: params.key, content: body })),
  }),

  route('DELETE /me/pref/:key', {
    caller: 'user',
    answer: async ({ chat, actor, params }) => {
      await deletePref(chat, actor, params.key)
      return {}
    },
  }),

  route('GET /roomPrefs', {
    caller: 'user',
    answer: async ({ chat, actor }) => {
      const prefs = await listRoomPrefs(chat, actor)
      return { totalCount: prefs.length, data: prefs.map(presentRoomPref) }
    },
  }),

  route('POST /roomPrefs/:room', {
    caller: 'user',
    body: RoomPrefBody,
    answer: async ({ chat, actor, params, body }) =>
      presentRoomPref(
        await updateRoomPref(chat, actor, {
          roomId: params.room,
          change: {
            folder: body.folder,
            tags: body.tags ?? undefined,
            tagColors: body.tagColors ?? undefined,
            muted: body.muted ?? undefined,
            sticky: body.sticky ?? undefined,
            hidden: body.hidden ?? undefined,
            translation: body.translation ?? undefined,
          },
        }),
      ),
  }),
]
