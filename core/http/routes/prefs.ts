import { type Static, Type } from 'typebox'
import { listGroupPrefs, removeGroupPref, updateGroupPref } from '../../chat/group-prefs.ts'
import {
  deletePref,
  listPrefs,
  listRoomPrefs,
  putPref,
  removeRoomPref,
  updateRoomPref,
} from '../../chat/prefs.ts'
import { CoreError } from '../../errors.ts'
import { PREF_KEYS, type PrefKey, type RoomPrefChange } from '../../store/room-prefs.ts'
import { presentRoomPref } from '../../wire/present.ts'
import { type Route, route } from '../route.ts'
import { Flag, maybe, object, Text, Texts } from '../schemas.ts'

const RoomPrefBody = object({
  tags: maybe(Texts),
  tagColors: maybe(
    Type.Record(Type.String({ maxLength: 256 }), Type.String({ maxLength: 64 }), { maxProperties: 100 }),
  ),
  folder: maybe(Text),
  muted: maybe(Flag),
  sticky: maybe(Flag),
  hidden: maybe(Flag),
  translation: maybe(Flag),
})

const parseRoomPref = (body: Static<typeof RoomPrefBody>): RoomPrefChange => ({
  folder: body.folder,
  tags: body.tags ?? undefined,
  tagColors: body.tagColors ?? undefined,
  muted: body.muted ?? undefined,
  sticky: body.sticky ?? undefined,
  hidden: body.hidden ?? undefined,
  translation: body.translation ?? undefined,
})

function parsePrefKey(text: string): PrefKey {
  const key = PREF_KEYS.find((known) => known === text)
  if (key === undefined) throw new CoreError('INVALID_REQUEST', `It is none of ${PREF_KEYS.join(', ')}.`)
  return key
}

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
        await updateRoomPref(chat, actor, { roomId: params.room, change: parseRoomPref(body) }),
      ),
  }),

  route('DELETE /roomPrefs/:room/:key', {
    caller: 'user',
    answer: async ({ chat, actor, params }) =>
      presentRoomPref(
        await removeRoomPref(chat, actor, { roomId: params.room, key: parsePrefKey(params.key) }),
      ),
  }),

  route('POST /roomPrefs/:room/group/:group', {
    caller: 'any',
    body: RoomPrefBody,
    answer: async ({ chat, actor, params, body }) =>
      presentRoomPref(
        await updateGroupPref(chat, actor, {
          roomId: params.room,
          groupId: params.group,
          change: parseRoomPref(body),
        }),
      ),
  }),

  route('GET /roomPrefs/group/:group', {
    caller: 'any',
    answer: async ({ chat, actor, params }) => {
      const prefs = await listGroupPrefs(chat, actor, params.group)
      return { totalCount: prefs.length, data: prefs.map(presentRoomPref) }
    },
  }),

  route('DELETE /roomPrefs/:room/group/:group/:key', {
    caller: 'any',
    answer: async ({ chat, actor, params }) =>
      presentRoomPref(
        await removeGroupPref(chat, actor, {
          roomId: params.room,
          groupId: params.group,
          key: parsePrefKey(params.key),
        }),
      ),
  }),
]
