import { CoreError } from '../errors.ts'
import type { Queryable } from '../store/database.ts'
import {
  addReaction,
  type ChangeKind,
  findReactions,
  recordChange,
  removeReactions,
  rewriteMessage,
} from '../store/message-changes.ts'
import { findMessage, findMessageAnywhere, type MessageRow } from '../store/messages.ts'
import { lockRoom } from '../store/rooms.ts'
import { requireVoice } from './blocks.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'
import { contentTexts, type SendMessageInput } from './message-input.ts'
import type { Message } from './model.ts'
import { populateMessage } from './populate.ts'
import { requireMessageAccess } from './room-access.ts'
import { searchableText } from './searchable-text.ts'
import { SYSTEM_TYPES } from './system-message.ts'

const RECALL = 'recall'

/** Edits a message, or recalls it: its sender may, and a customer's server. */
export async function changeMessage(
  ctx: ChatContext,
  actor: Actor,
  input: SendMessageInput & { messageId: string },
): Promise<Message> {
  const { app } = actor
  await requireMessageAccess(ctx.db, actor, input.roomId)
  const recalls = input.messageType === RECALL
  return change(ctx, actor, input.roomId, recalls ? 'recalled' : 'edited', recalls, async (tx, at) => {
    const before = await findMessage(tx, app, input.roomId, input.messageId)
    if (before === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
    const isTheirs = before.senderId === actor.userId && !SYSTEM_TYPES.has(before.messageType)
    if (actor.kind === 'client' && !isTheirs)
      throw new CoreError('PERMISSION_DENIED', 'It is the message of another, or of the server.')
    if (before.messageType === RECALL) {
      if (recalls) return { row: before, changed: false }
      throw new CoreError('INVALID_MESSAGE_FORMAT', 'It was recalled.')
    }
    const content = recalls ? recalled(before) : edited(before, input, at)
    return { row: await rewriteMessage(tx, app, before, content, at), changed: true }
  })
}

const recalled = (before: MessageRow) => ({
  messageType: RECALL,
  message: '""',
  fields: '{}',
  replyId: null,
  editedAt: before.editedAt,
  searchText: undefined,
})

/** What the request does not name stays. */
function edited(before: MessageRow, input: SendMessageInput, at: Date) {
  const messageType = input.messageType ?? before.messageType
  const message = input.message === undefined ? (before.message ?? undefined) : input.message
  const fields = { ...before.fields, ...input.fields }
  return {
    messageType,
    ...contentTexts(message, fields),
    replyId: input.replyId === undefined ? before.replyId : input.replyId,
    editedAt: at,
    searchText: searchableText({ messageType, message, fields }),
  }
}

/** Of one user to one message: every reader of the message reads them all. */
const MAX_REACTIONS = 20

/** A reaction given twice is one. */
export async function react(
  ctx: ChatContext,
  actor: Actor,
  input: { messageId: string; reaction: string },
): Promise<Message> {
  const { app } = actor
  const userId = actingUser(actor)
  const target = await findTarget(ctx, actor, input.messageId)
  return change(ctx, actor, target.roomId, 'reacted', false, async (tx, at) => {
    const key = { roomId: target.roomId, messageId: target.id, userId, reaction: input.reaction }
    if (await addReaction(tx, app, key, MAX_REACTIONS, at)) return { row: target, changed: true }
    const given = await findReactions(tx, app, [target])
    if (!given.some((one) => one.userId === userId && one.reaction === input.reaction))
      throw new CoreError('INVALID_REQUEST', `A message takes ${MAX_REACTIONS} reactions of one user.`)
    return { row: target, changed: false }
  })
}

/** Takes one's reaction back; without one named, all of one's reactions. */
export async function unreact(
  ctx: ChatContext,
  actor: Actor,
  input: { messageId: string; reaction?: string | undefined },
): Promise<Message> {
  const { app } = actor
  const userId = actingUser(actor)
  const target = await findTarget(ctx, actor, input.messageId)
  return change(ctx, actor, target.roomId, 'reacted', true, async (tx) => {
    const key = { roomId: target.roomId, messageId: target.id, userId, reaction: input.reaction }
    return { row: target, changed: await removeReactions(tx, app, key) }
  })
}

async function findTarget(ctx: ChatContext, actor: Actor, messageId: string): Promise<MessageRow> {
  const row = await findMessageAnywhere(ctx.db, actor.app, messageId)
  if (row === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
  await requireMessageAccess(ctx.db, actor, row.roomId)
  return row
}

type Changed = { row: MessageRow | undefined; changed: boolean }

/** A change and its place in the room's events, in one commit; told only if it changed something. */
async function change(
  ctx: ChatContext,
  actor: Actor,
  roomId: string,
  kind: ChangeKind,
  /** Who may not speak may still take back. */
  takesBack: boolean,
  apply: (tx: Queryable, at: Date) => Promise<Changed>,
): Promise<Message> {
  const { app } = actor
  const at = now(ctx)
  const { row, changed } = await ctx.db.transaction(async (tx) => {
    const room = await lockRoom(tx, app, roomId)
    if (room !== undefined && !takesBack) await requireVoice(tx, actor, room)
    const result = await apply(tx, at)
    if (!result.changed || result.row === undefined) return result
    const evSeq = await recordChange(tx, app, roomId, result.row.id, kind, at)
    return { ...result, row: { ...result.row, evSeq: evSeq ?? result.row.evSeq } }
  })
  if (row === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
  // The row was read before the change had its ev_seq.
  const message = await populateMessage(ctx.db, app, { ...row, evSeq: Math.max(row.evSeq, 1) })
  if (changed) ctx.publish({ type: 'message-changed', app, to: { roomId }, message })
  return message
}
