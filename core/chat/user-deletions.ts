/** What a user deletes for themselves alone. */
import { pageMessages } from '../store/message-pages.ts'
import { clearForUser, deleteForUser, listUserDeletions, type UserDeletion } from '../store/user-deletions.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'
import { requireMessageAccess } from './room-access.ts'

/** As many as are named in one answer. */
const MAX_NAMED = 1_000

/** @returns the ids that are messages of the room */
export async function deleteForMe(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; messageIds: string[] },
): Promise<string[]> {
  const { app } = actor
  const { roomId } = input
  const userId = actingUser(actor)
  await requireMessageAccess(ctx.db, actor, roomId)
  const messageIds = await deleteForUser(ctx.db, app, userId, roomId, input.messageIds, now(ctx))
  if (messageIds.length > 0)
    ctx.publish({
      type: 'messages-hidden-from-user',
      app,
      to: { userIds: [userId] },
      roomId,
      messageIds,
      all: false,
    })
  return messageIds
}

/** Every message that is there now. Names the newest of them; `totalCount` is of all. */
export async function clearForMe(
  ctx: ChatContext,
  actor: Actor,
  roomId: string,
): Promise<{ totalCount: number; messageIds: string[] }> {
  const { app } = actor
  const userId = actingUser(actor)
  await requireMessageAccess(ctx.db, actor, roomId)
  const at = now(ctx)
  const cleared = await clearForUser(ctx.db, app, userId, roomId, at)
  const newest = await pageMessages(ctx.db, app, roomId, {
    by: 'creation',
    newestFirst: true,
    to: { seq: cleared?.seq ?? 0, updatedAt: at },
    limit: MAX_NAMED,
  })
  const messageIds = newest.map((row) => row.id)
  ctx.publish({
    type: 'messages-hidden-from-user',
    app,
    to: { userIds: [userId] },
    roomId,
    messageIds,
    all: true,
  })
  return { totalCount: cleared?.messageCount ?? 0, messageIds }
}

export async function listDeletedForMe(
  ctx: ChatContext,
  actor: Actor,
  roomId: string,
): Promise<UserDeletion[]> {
  await requireMessageAccess(ctx.db, actor, roomId)
  return listUserDeletions(ctx.db, actor.app, actingUser(actor), roomId, MAX_NAMED)
}
