import { CoreError } from '../errors.ts'
import { findDeletedPlace } from '../store/message-deletions.ts'
import { type PageRequest, type Place, pageMessages } from '../store/message-pages.ts'
import { filterRoom } from '../store/message-search.ts'
import { findMessage } from '../store/messages.ts'
import { roomMessageCount } from '../store/rooms.ts'
import { findUserDeletions } from '../store/user-deletions.ts'
import type { Actor, ChatContext } from './context.ts'
import type { Message } from './model.ts'
import { populateMessages } from './populate.ts'
import { requireMessageAccess } from './room-access.ts'

export type ListMessagesInput = {
  roomId: string
  /** Ids of messages; the page holds them. */
  before?: string | undefined
  after?: string | undefined
  since?: Date | undefined
  by: PageRequest['by']
  newestFirst: boolean
  limit: number
}

/** `totalCount` is the room's. */
export type MessagePage = { totalCount: number; messages: Message[]; userDeletedIds: string[] }

export async function listMessages(
  ctx: ChatContext,
  actor: Actor,
  input: ListMessagesInput,
): Promise<MessagePage> {
  const { app } = actor
  const { roomId } = input
  await requireMessageAccess(ctx.db, actor, roomId)
  const [from, to, totalCount] = await Promise.all([
    anchor(ctx, app, input, 'after'),
    anchor(ctx, app, input, 'before'),
    roomMessageCount(ctx.db, app, roomId),
  ])
  const { by, newestFirst, since, limit } = input
  const rows = await pageMessages(ctx.db, app, roomId, { by, newestFirst, from, to, since, limit })
  const [messages, userDeletedIds] = await Promise.all([
    populateMessages(ctx.db, app, rows),
    actor.userId === undefined ? new Set<string>() : findUserDeletions(ctx.db, app, actor.userId, rows),
  ])
  return { totalCount, messages, userDeletedIds: [...userDeletedIds] }
}

/** Of a room's messages before the cursor, as many are held against a client's filter. */
const FILTERED_WINDOW = 10_000

/** The old listing: newest first in the order of posting, the cursor left out. */
export async function listMessagesBefore(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; before?: string | undefined; limit: number; filter: Record<string, unknown> },
): Promise<{ totalCount: number; messages: Message[] }> {
  const { app } = actor
  const { roomId, limit, filter } = input
  await requireMessageAccess(ctx.db, actor, roomId)
  const [cursor, totalCount] = await Promise.all([
    input.before === undefined ? undefined : placeOf(ctx, app, roomId, input.before),
    roomMessageCount(ctx.db, app, roomId),
  ])
  const beforeSeq = cursor?.place.seq
  const range = { beforeSeq, window: Object.keys(filter).length === 0 ? limit : FILTERED_WINDOW, limit }
  const rows = await filterRoom(ctx.db, app, roomId, filter, range)
  return { totalCount, messages: await populateMessages(ctx.db, app, rows) }
}

/** A message and its neighbours in the order of change, newest first. */
export async function listMessagesAround(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; messageId: string; before: number; after: number },
): Promise<Message[]> {
  const { app } = actor
  const { roomId } = input
  await requireMessageAccess(ctx.db, actor, roomId)
  const middle = await findMessage(ctx.db, app, roomId, input.messageId)
  if (middle === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
  const [newer, older] = await Promise.all([
    pageMessages(ctx.db, app, roomId, {
      by: 'change',
      newestFirst: false,
      from: middle,
      limit: input.after + 1,
    }),
    pageMessages(ctx.db, app, roomId, {
      by: 'change',
      newestFirst: true,
      to: middle,
      limit: input.before + 1,
    }),
  ])
  return populateMessages(ctx.db, app, [...newer.toReversed(), ...older.slice(1)])
}

/** Readers that page drop the first row, taking it for the cursor's: it must be one that they have. */
async function anchor(
  ctx: ChatContext,
  app: string,
  { roomId, by, ...input }: ListMessagesInput,
  side: 'before' | 'after',
): Promise<Place | undefined> {
  const id = input[side]
  if (id === undefined) return undefined
  const { place, isGone } = await placeOf(ctx, app, roomId, id)
  if (!isGone) return place
  const seen = side === 'before' ? { from: place, newestFirst: false } : { to: place, newestFirst: true }
  const [neighbour] = await pageMessages(ctx.db, app, roomId, { by, limit: 1, ...seen })
  return neighbour ?? place
}

/** Where a message is, or was. @throws CoreError MESSAGE_NOT_FOUND */
async function placeOf(
  ctx: ChatContext,
  app: string,
  roomId: string,
  id: string,
): Promise<{ place: Place; isGone: boolean }> {
  const row = await findMessage(ctx.db, app, roomId, id)
  const place = row ?? (await findDeletedPlace(ctx.db, app, roomId, id))
  if (place === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
  return { place, isGone: row === undefined }
}
