import { Type } from 'typebox'
import { type Found, type SearchKind, search } from '../../chat/search.ts'
import { filterMessages, recentMessages, searchMessages } from '../../chat/search-messages.ts'
import { CoreError } from '../../errors.ts'
import { presentMessage, presentRoom } from '../../wire/present.ts'
import { parseFilter } from '../reading.ts'
import { type Route, route } from '../route.ts'
import { Limit, maybe, NewId, object, Texts } from '../schemas.ts'

const MAX_FOUND = 200
const DEFAULT_FOUND = 50
const DEFAULT_LISTED = 20
const MAX_SEARCHED = 100

const KINDS: ReadonlyMap<string, SearchKind> = new Map(
  (
    ['messages', 'files', 'roomName', 'roomMember', 'roomTags', 'roomPrefTags', 'roomPrefFolder'] as const
  ).map((kind) => [kind, kind]),
)

function parseKinds(type: string | string[]): SearchKind[] {
  return [...new Set([type].flat())].map((name) => {
    const kind = KINDS.get(name)
    if (kind === undefined) throw new CoreError('INVALID_SEARCH_TYPE', `"${name.slice(0, 64)}"`)
    return kind
  })
}

const limited = (limit: number | undefined, otherwise: number, most: number) =>
  Math.min(limit || otherwise, most)

/** Clients walk over the answer to every type that they asked for: none may be missing. */
function presentFound(found: Found) {
  switch (found.kind) {
    case 'messages':
      return found.groups.map(({ room, messageIds }) => ({ room: presentRoom(room), messages: messageIds }))
    case 'files':
      return found.groups.map(({ room, messageIds }) => ({
        room: presentRoom(room),
        messages: messageIds,
        messageID: messageIds[0],
      }))
    default:
      return found.rooms.map(presentRoom)
  }
}

export const searchRoutes: Route[] = [
  route('POST /search', {
    caller: 'user',
    body: object({
      type: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1, maxItems: 16 })]),
      keyword: Type.String({ maxLength: 256 }),
      room: maybe(NewId),
      roomTags: maybe(Texts),
      limit: maybe(Type.Integer({ minimum: 0 })),
    }),
    answer: async ({ chat, actor, body }) => {
      const found = await search(chat, actor, {
        kinds: parseKinds(body.type),
        keyword: body.keyword,
        roomId: body.room || undefined,
        roomTags: body.roomTags ?? [],
        limit: limited(body.limit ?? undefined, DEFAULT_FOUND, MAX_FOUND),
      })
      return Object.fromEntries(found.map((one) => [one.kind, presentFound(one)]))
    },
  }),

  route('POST /messages/search', {
    caller: 'user',
    body: object({ message: Type.String({ maxLength: 256 }) }),
    answer: async ({ chat, actor, body }) => {
      const messages = await searchMessages(chat, actor, { keyword: body.message, limit: MAX_SEARCHED })
      return { data: messages.map(presentMessage) }
    },
  }),

  route('GET /messages', {
    caller: 'user',
    query: object({ q: Type.Optional(Type.String()), limit: Limit }),
    answer: async ({ chat, actor, query }) => {
      const { totalCount, messages } = await filterMessages(chat, actor, {
        filter: parseFilter('q', query.q),
        limit: limited(query.limit, DEFAULT_LISTED, MAX_SEARCHED),
      })
      return { totalCount, data: messages.map(presentMessage) }
    },
  }),

  route('GET /messages/recent', {
    caller: 'user',
    query: object({ limit: Limit }),
    answer: async ({ chat, actor, query }) => {
      const messages = await recentMessages(chat, actor, limited(query.limit, DEFAULT_LISTED, MAX_SEARCHED))
      return { count: messages.length, data: messages.map(presentMessage) }
    },
  }),
]
