import { CoreError } from '../errors.ts'
import { findMember, markRead as moveMark, totalUnread } from '../store/members.ts'
import { findDeletedPlace } from '../store/message-deletions.ts'
import { pageMessages } from '../store/message-pages.ts'
import { findMessage, type MessageRow, roomEnd } from '../store/messages.ts'
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
  const [mark, end] = await Promise.all([
    findMember(ctx.db, app, roomId, userId),
    roomEnd(ctx.db, app, roomId),
  ])
  if (mark === undefined || end === undefined) throw new CoreError('NOT_ROOM_MEMBER')
  // A mark that stands there already is told too: one's own message moved it there, and the others never heard.
  if ((moved || mark.readSeq === upTo.seq) && upTo.messageId !== undefined)
    ctx.publish({ type: 'read', app, to: { roomId }, roomId, userId, messageId: upTo.messageId })
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
  const row =
    (await findMessage(ctx.db, app, roomId, messageId)) ?? (await before(ctx, app, roomId, messageId))
  return { seq: row.seq, counted: row.counted, messageId: row.id }
}

/** The message that is the last up to where a deleted one was. */
async function before(ctx: ChatContext, app: string, roomId: string, messageId: string): Promise<MessageRow> {
  const to = await findDeletedPlace(ctx.db, app, roomId, messageId)
  const page = { by: 'creation', newestFirst: true, limit: 1, to } as const
  const [row] = to === undefined ? [] : await pageMessages(ctx.db, app, roomId, page)
  if (row === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
  return row
}

/** Unread messages of all the user's rooms and of other products; with tags, of the rooms that have one of them. */
export async function totalBadge(
  ctx: ChatContext,
  actor: Actor,
  roomTags: readonly string[],
): Promise<number> {
  const userId = actingUser(actor)
  const own = totalUnread(ctx.db, actor.app, userId, roomTags)
  if (roomTags.length > 0 || ctx.otherUnread === undefined) return own
  const [mine, others] = await Promise.all([own, ctx.otherUnread(userId)])
  return mine + others
}
