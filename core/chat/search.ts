import { withinTime } from '../store/message-search.ts'
import { type RoomSearchKind, searchRoomIds } from '../store/room-search.ts'
import { type Actor, actingUser, type ChatContext } from './context.ts'
import type { Room } from './model.ts'
import { loadRooms } from './populate.ts'
import { findByText, SEARCH_LIMIT_MS } from './search-messages.ts'

export type SearchKind = 'messages' | 'files' | RoomSearchKind

export type SearchInput = {
  kinds: SearchKind[]
  keyword: string
  roomId?: string | undefined
  roomTags: string[]
  limit: number
}

export type MessagesFound = { room: Room; messageIds: string[] }
export type Found =
  | { kind: RoomSearchKind; rooms: Room[] }
  | { kind: 'messages' | 'files'; groups: MessagesFound[] }

/** As many of one answer's messages. */
const MAX_MESSAGES = 500
const FILE_TYPES = new Set(['file', 'image', 'video', 'audio', 'mixed'])

/** In the acting user's rooms alone; an answer for each kind, in the order of asking. */
export async function search(ctx: ChatContext, actor: Actor, input: SearchInput): Promise<Found[]> {
  const found: Found[] = []
  for (const kind of input.kinds)
    found.push(
      kind === 'messages' || kind === 'files'
        ? { kind, groups: await searchContents(ctx, actor, kind, input) }
        : { kind, rooms: await searchPlaces(ctx, actor, kind, input) },
    )
  return found
}

async function searchPlaces(
  ctx: ChatContext,
  actor: Actor,
  kind: RoomSearchKind,
  input: SearchInput,
): Promise<Room[]> {
  const keyword = input.keyword.trim()
  if (keyword === '') return []
  const { roomId, roomTags: tags, limit } = input
  const request = { keyword, roomId, tags, limit }
  const ids = await withinTime(ctx.db, SEARCH_LIMIT_MS, (tx) =>
    searchRoomIds(tx, actor.app, actingUser(actor), kind, request),
  )
  return loadRooms(ctx.db, actor.app, ids, actor)
}

async function searchContents(
  ctx: ChatContext,
  actor: Actor,
  kind: 'messages' | 'files',
  input: SearchInput,
): Promise<MessagesFound[]> {
  const { keyword, roomId, roomTags } = input
  const rows = await findByText(ctx, actor, {
    keyword,
    roomId,
    tags: roomTags,
    limit: MAX_MESSAGES,
    ...(kind === 'files' && { fits: (row) => FILE_TYPES.has(row.messageType) }),
  })
  const byRoom = Map.groupBy(rows, (row) => row.roomId)
  const rooms = await loadRooms(ctx.db, actor.app, [...byRoom.keys()].slice(0, input.limit), actor)
  return rooms.map((room) => ({ room, messageIds: (byRoom.get(room.id) ?? []).map((row) => row.id) }))
}
