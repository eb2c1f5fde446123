/** Pins, and hiding by those who manage a room. */
import { CoreError } from '../errors.ts'
import type { Queryable } from '../store/database.ts'
import { type ChangeKind, recordChange } from '../store/message-changes.ts'
import { findPinned, setHidden, setHiddenBySender, setPinned } from '../store/message-flags.ts'
import { findMessage, findMessageAnywhere, type MessageRow } from '../store/messages.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import { hidingEvents } from './hiding-events.ts'
import type { Message } from './model.ts'
import { populateMessage, populateMessages } from './populate.ts'
import { isSuperuser, lockStanding, requireManager, requireMessageAccess } from './room-access.ts'

/** As many as a room shows, and as are hidden in one transaction. */
const MAX_MESSAGES = 500

export const pinMessage = (
  ctx: ChatContext,
  actor: Actor,
  input: { messageId: string; pinned: boolean },
): Promise<Message> =>
  flag(ctx, actor, input.messageId, 'pinned', (tx, row, at) =>
    setPinned(tx, actor.app, row, input.pinned, at),
  )

/** A message that is hidden keeps its place and says so; clients leave it out, and no search finds it. */
export const hideMessage = (
  ctx: ChatContext,
  actor: Actor,
  input: { messageId: string; hidden: boolean },
): Promise<Message> =>
  flag(ctx, actor, input.messageId, 'hidden', (tx, row, at) =>
    setHidden(tx, actor.app, row, input.hidden, at),
  )

async function flag(
  ctx: ChatContext,
  actor: Actor,
  messageId: string,
  kind: Extract<ChangeKind, 'pinned' | 'hidden'>,
  set: (tx: Queryable, row: MessageRow, at: Date) => Promise<boolean>,
): Promise<Message> {
  const { app } = actor
  const found = await findMessageAnywhere(ctx.db, app, messageId)
  if (found === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
  await requireMessageAccess(ctx.db, actor, found.roomId)
  const { roomId } = found
  const at = now(ctx)
  const changed = await ctx.db.transaction(async (tx) => {
    await lockForFlag(tx, actor, roomId, kind)
    const isNew = await set(tx, found, at)
    if (isNew) await recordChange(tx, app, roomId, messageId, kind, at)
    return isNew
  })
  const row = await findMessage(ctx.db, app, roomId, messageId)
  if (row === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
  const message = await populateMessage(ctx.db, app, row)
  if (changed) ctx.publish({ type: 'message-changed', app, to: { roomId }, message })
  return message
}

/** Where a room has no owner, every member may pin; what silences another is for those who were put in charge. */
async function lockForFlag(
  tx: Queryable,
  actor: Actor,
  roomId: string,
  kind: 'pinned' | 'hidden',
): Promise<void> {
  const where = await lockStanding(tx, actor, roomId)
  requireManager(actor, where)
  if (kind === 'hidden' && !isSuperuser(actor, where.room, where.member))
    throw new CoreError('PERMISSION_DENIED')
}

/** Hides, or shows again, all that one user said in a room. @returns how many changed */
export async function hideSender(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; senderId: string; hidden: boolean },
): Promise<number> {
  const { app } = actor
  const { roomId, senderId, hidden } = input
  await requireMessageAccess(ctx.db, actor, roomId)
  let total = 0
  for (;;) {
    const rows = await ctx.db.transaction(async (tx) => {
      await lockForFlag(tx, actor, roomId, 'hidden')
      return setHiddenBySender(tx, app, { roomId, senderId }, hidden, MAX_MESSAGES, now(ctx))
    })
    const ids = rows.toSorted((a, b) => a.evSeq - b.evSeq).map((row) => row.id)
    for (const event of await hidingEvents(ctx.db, app, roomId, ids)) ctx.publish(event)
    total += rows.length
    if (rows.length < MAX_MESSAGES) return total
  }
}

export async function listPinned(ctx: ChatContext, actor: Actor, roomId: string): Promise<Message[]> {
  await requireMessageAccess(ctx.db, actor, roomId)
  return populateMessages(ctx.db, actor.app, await findPinned(ctx.db, actor.app, roomId, MAX_MESSAGES))
}
