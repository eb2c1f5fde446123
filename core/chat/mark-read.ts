import { CoreError } from '../errors.ts'
import { findMember, markRead as moveMark, totalUnread } from '../store/members.ts'
import { findMessage, roomEnd } from '../store/messages.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'
import { standing } from './room-access.ts'

export type ReadMark = { userId: string; messageId: string | undefined; unread: number }

/** Moves the acting user's mark forward to a message, or to the room's end; a stale one changes nothing. */
export async function markRead(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; messageId?: string | undefined },
): Promise<ReadMark> {
  const { app } = actor
  const userId = actingUser(actor)
  const { roomId } = input
  const { member } = await standing(ctx.db, actor, roomId)
  if (member === undefined) throw new CoreError('NOT_ROOM_MEMBER')
  const upTo = await target(ctx, app, roomId, input.messageId)
  const moved = await moveMark(ctx.db, app, roomId, userId, upTo, now(ctx))
  if (moved && upTo.messageId !== undefined)
    ctx.publish({ type: 'read', app, to: { roomId }, roomId, userId, messageId: upTo.messageId })
  const [mark, end] = await Promise.all([
    findMember(ctx.db, app, roomId, userId),
    roomEnd(ctx.db, app, roomId),
  ])
  if (mark === undefined || end === undefined) throw new CoreError('NOT_ROOM_MEMBER')
  return {
    userId,
    messageId: mark.readMessageId ?? undefined,
    unread: Math.max(0, end.counted - mark.readCounted),
  }
}

async function target(ctx: ChatContext, app: string, roomId: string, messageId: string | undefined) {
  if (messageId === undefined) {
    const end = await roomEnd(ctx.db, app, roomId)
    if (end === undefined) throw new CoreError('ROOM_NOT_FOUND')
    return { seq: end.seq, counted: end.counted, messageId: end.messageId ?? undefined }
  }
  const row = await findMessage(ctx.db, app, roomId, messageId)
  if (row === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
  return { seq: row.seq, counted: row.counted, messageId: row.id }
}

/** Unread messages of all the user's rooms; with tags, of the rooms that have one of them. */
export const totalBadge = (ctx: ChatContext, actor: Actor, roomTags: readonly string[]): Promise<number> =>
  totalUnread(ctx.db, actor.app, actingUser(actor), roomTags)
