import { CoreError } from '../errors.ts'
import { findUserDeletions, type PageRequest, pageMessages } from '../store/message-pages.ts'
import { findMessage, type MessageRow } from '../store/messages.ts'
import { roomMessageCount } from '../store/rooms.ts'
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
    anchor(ctx, app, roomId, input.after),
    anchor(ctx, app, roomId, input.before),
    roomMessageCount(ctx.db, app, roomId),
  ])
  const { by, newestFirst, since, limit } = input
  const rows = await pageMessages(ctx.db, app, roomId, { by, newestFirst, from, to, since, limit })
  const [messages, userDeletedIds] = await Promise.all([
    populateMessages(ctx.db, app, rows),
    actor.userId === undefined
      ? []
      : findUserDeletions(
          ctx.db,
          app,
          actor.userId,
          roomId,
          rows.map((row) => row.id),
        ),
  ])
  return { totalCount, messages, userDeletedIds }
}

/** The old listing: newest first in the order of posting, the cursor left out. */
export async function listMessagesBefore(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; before?: string | undefined; limit: number },
): Promise<{ totalCount: number; messages: Message[] }> {
  const page = await listMessages(ctx, actor, {
    ...input,
    by: 'creation',
    newestFirst: true,
    limit: input.before === undefined ? input.limit : input.limit + 1,
  })
  const messages = page.messages.filter((message) => message.id !== input.before).slice(0, input.limit)
  return { totalCount: page.totalCount, messages }
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
  const middle = await anchor(ctx, app, roomId, input.messageId)
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

async function anchor(
  ctx: ChatContext,
  app: string,
  roomId: string,
  id: string | undefined,
): Promise<MessageRow | undefined> {
  if (id === undefined) return undefined
  const row = await findMessage(ctx.db, app, roomId, id)
  if (row === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
  return row
}
