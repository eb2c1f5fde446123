import { CoreError } from '../errors.ts'
import { type Deleted, deleteMessages, findOldest, readAll } from '../store/message-deletions.ts'
import { findMessage } from '../store/messages.ts'
import { announceRoom } from './announce.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import { isSuperuser, lockStanding, requireMessageAccess, type Standing } from './room-access.ts'
import { SYSTEM_TYPES } from './system-message.ts'

/** In one transaction; a room of more messages is cleared in several, the oldest first. */
const MAX_TOGETHER = 500
const UNCOUNTED = [...SYSTEM_TYPES]

export type Deletion = { count: number; at: Date }

/** Takes a message away for everyone: those who manage the room may, and a customer's server. */
export async function deleteMessage(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; messageId: string },
): Promise<Deletion> {
  const { app } = actor
  const { roomId, messageId } = input
  const at = now(ctx)
  await requireMessageAccess(ctx.db, actor, roomId)
  const deleted = await ctx.db.transaction(async (tx) => {
    requireSuperuser(actor, await lockStanding(tx, actor, roomId))
    if ((await findMessage(tx, app, roomId, messageId)) === undefined)
      throw new CoreError('MESSAGE_NOT_FOUND')
    return deleteMessages(tx, app, roomId, [messageId], UNCOUNTED, at)
  })
  announce(ctx, app, roomId, deleted)
  await announceRoom(ctx, actor, roomId, {})
  return { count: deleted.messageIds.length, at }
}

/** Takes every message away that is there now. Where it is cut short, the newest are still there. */
export async function deleteAllMessages(ctx: ChatContext, actor: Actor, roomId: string): Promise<Deletion> {
  const { app } = actor
  const at = now(ctx)
  await requireMessageAccess(ctx.db, actor, roomId)
  const upTo = await ctx.db.transaction(async (tx) => {
    const where = await lockStanding(tx, actor, roomId)
    requireSuperuser(actor, where)
    await readAll(tx, app, roomId)
    return where.room.lastSeq
  })
  let count = 0
  for (;;) {
    const deleted = await ctx.db.transaction(async (tx) => {
      await lockStanding(tx, actor, roomId)
      const ids = await findOldest(tx, app, roomId, upTo, MAX_TOGETHER)
      return ids.length === 0 ? undefined : deleteMessages(tx, app, roomId, ids, UNCOUNTED, at)
    })
    if (deleted === undefined) break
    announce(ctx, app, roomId, deleted)
    count += deleted.messageIds.length
  }
  await announceRoom(ctx, actor, roomId, {})
  return { count, at }
}

function announce(ctx: ChatContext, app: string, roomId: string, { messageIds, evSeq }: Deleted): void {
  ctx.publish({ type: 'messages-deleted', app, to: { roomId }, roomId, messageIds, evSeq })
}

/** A room without an owner has nobody who may take another's words away. */
function requireSuperuser(actor: Actor, { room, member }: Standing): void {
  if (!isSuperuser(actor, room, member)) throw new CoreError('PERMISSION_DENIED')
}
