import { CoreError } from '../errors.ts'
import type { Database, Queryable } from '../store/database.ts'
import { foldText, gramsOf, wordsOf } from '../store/grams.ts'
import {
  filterNewest,
  findSearchRooms,
  type SearchRoom,
  searchLargeRoom,
  searchNewest,
  searchRooms,
  withinTime,
} from '../store/message-search.ts'
import type { MessageRow } from '../store/messages.ts'
import { findUserDeletions } from '../store/user-deletions.ts'
import { type Actor, actingUser, type ChatContext } from './context.ts'
import type { Message } from './model.ts'
import { populateMessages } from './populate.ts'
import { searchableText } from './searchable-text.ts'

/** A search ends here, with what it has found. */
export const SEARCH_LIMIT_MS = 3_000
/** The latest active ones; who is in more finds in the others by searching there. */
const MAX_ROOMS = 2_000
const ROOMS_AT_ONCE = 50
/** In a room of more messages its newest are looked at first. */
const LARGE_ROOM = 20_000
const NEWEST_WINDOW = 2_000
const PER_ROOM = 100
const MAX_KEYWORD = 256
const MAX_WORDS = 8

export type MessageSearch = {
  keyword: string
  roomId?: string | undefined
  tags?: readonly string[]
  /** How many messages, of all rooms together. */
  limit: number
  fits?: (row: MessageRow) => boolean
}

/** In the acting user's rooms alone; the latest active room first, in each the newest first. */
export async function findByText(
  ctx: ChatContext,
  actor: Actor,
  search: MessageSearch,
): Promise<MessageRow[]> {
  const { app } = actor
  const userId = actingUser(actor)
  const words = wordsOf(search.keyword)
  if (search.keyword.length > MAX_KEYWORD || words.length > MAX_WORDS)
    throw new CoreError(
      'INVALID_QUERY',
      `A keyword has at most ${MAX_KEYWORD} characters and ${MAX_WORDS} words.`,
    )
  if (words.length === 0) return []
  const rooms = await findSearchRooms(ctx.db, app, userId, {
    roomId: search.roomId,
    tags: search.tags ?? [],
    limit: MAX_ROOMS,
  })
  const endMs = performance.now() + SEARCH_LIMIT_MS
  const perRoom = search.roomId === undefined ? Math.min(PER_ROOM, search.limit) : search.limit
  const found: MessageRow[] = []
  for (const group of groupsOf(rooms)) {
    const leftMs = endMs - performance.now()
    if (leftMs <= 0 || found.length >= search.limit) break
    const rows = await candidates(ctx.db, app, group, words, perRoom, leftMs)
    const fitting = rows.filter((row) => holds(row, words) && (search.fits?.(row) ?? true))
    const gone = await findUserDeletions(ctx.db, app, userId, fitting)
    const byRoom = Map.groupBy(
      fitting.filter((row) => !gone.has(row.id)),
      (row) => row.roomId,
    )
    for (const { roomId } of group) found.push(...(byRoom.get(roomId) ?? []).slice(0, perRoom))
  }
  return found.slice(0, search.limit)
}

/** Hashes let some through that do not hold the words: a little more is asked for. */
const withMargin = (limit: number) => limit + 20

async function candidates(
  db: Database,
  app: string,
  group: SearchRoom[],
  words: string[],
  limit: number,
  limitMs: number,
): Promise<MessageRow[]> {
  const [room] = group
  const isLarge = group.length === 1 && room !== undefined && room.lastSeq > LARGE_ROOM
  const roomIds = group.map(({ roomId }) => roomId)
  // A single letter is in no index: it is looked for among the newest.
  const isIndexed = words.some((word) => gramsOf(app, '', word) !== null)
  const newest = async (tx: Queryable, roomId: string, window: number) =>
    searchNewest(tx, app, roomId, words, { window, limit: isIndexed ? withMargin(limit) : window })
  try {
    return await withinTime(db, limitMs, async (tx) => {
      if (!isIndexed) {
        const window = Math.ceil(NEWEST_WINDOW / roomIds.length)
        return (await Promise.all(roomIds.map((id) => newest(tx, id, window)))).flat()
      }
      if (isLarge) {
        const rows = await newest(tx, room.roomId, NEWEST_WINDOW)
        return rows.length >= limit ? rows : searchLargeRoom(tx, app, room.roomId, words, withMargin(limit))
      }
      return searchRooms(tx, app, roomIds, words, withMargin(limit))
    })
  } catch (error) {
    // Out of time: what the rooms before have shown is the answer.
    if (error instanceof CoreError && error.code === 'STORE_UNAVAILABLE') return []
    throw error
  }
}

/** Large rooms by themselves, the others many at once. */
function* groupsOf(rooms: SearchRoom[]): Generator<SearchRoom[]> {
  let group: SearchRoom[] = []
  for (const room of rooms) {
    const isLarge = room.lastSeq > LARGE_ROOM
    if (group.length > 0 && (isLarge || group.length === ROOMS_AT_ONCE)) {
      yield group
      group = []
    }
    group.push(room)
    if (isLarge) {
      yield group
      group = []
    }
  }
  if (group.length > 0) yield group
}

function holds(row: MessageRow, words: string[]): boolean {
  const text = foldText(searchableText(row) ?? '')
  return words.every((word) => text.includes(word))
}

export async function searchMessages(
  ctx: ChatContext,
  actor: Actor,
  search: { keyword: string; limit: number },
): Promise<Message[]> {
  return populateMessages(ctx.db, actor.app, await findByText(ctx, actor, search))
}

/** Of the rooms that a client's filter is asked of, and of the messages of each. */
const FILTERED_ROOMS = 100
const FILTERED_WINDOW = 1_000

/** What fits a filter among the newest messages of the acting user's rooms; `room` in it names one of them. */
export async function filterMessages(
  ctx: ChatContext,
  actor: Actor,
  input: { filter: Record<string, unknown>; limit: number },
): Promise<{ totalCount: number; messages: Message[] }> {
  const { app } = actor
  const userId = actingUser(actor)
  const { room, ...others } = input.filter
  const roomId = typeof room === 'string' ? room : undefined
  const rooms = await findSearchRooms(ctx.db, app, userId, { roomId, tags: [], limit: FILTERED_ROOMS })
  const filter = roomId === undefined ? input.filter : others
  const page = await withinTime(ctx.db, SEARCH_LIMIT_MS, (tx) =>
    filterNewest(
      tx,
      app,
      rooms.map((found) => found.roomId),
      filter,
      { window: roomId === undefined ? FILTERED_WINDOW : FILTERED_WINDOW * 10, limit: input.limit },
    ),
  )
  return { totalCount: page.totalCount, messages: await visible(ctx, app, userId, page.rows) }
}

/** The newest messages of the acting user's rooms. */
export async function recentMessages(ctx: ChatContext, actor: Actor, limit: number): Promise<Message[]> {
  const { app } = actor
  const userId = actingUser(actor)
  const rooms = await findSearchRooms(ctx.db, app, userId, { roomId: undefined, tags: [], limit })
  const ids = rooms.map((found) => found.roomId)
  const { rows } = await filterNewest(ctx.db, app, ids, {}, { window: limit, limit })
  return visible(ctx, app, userId, rows)
}

async function visible(
  ctx: ChatContext,
  app: string,
  userId: string,
  rows: MessageRow[],
): Promise<Message[]> {
  const gone = await findUserDeletions(ctx.db, app, userId, rows)
  return populateMessages(
    ctx.db,
    app,
    rows.filter((row) => !gone.has(row.id)),
  )
}
