import { CoreError } from '../errors.ts'
import type { NewMessage } from '../store/messages.ts'
import { findRooms } from '../store/rooms.ts'
import { ensureUsers } from '../store/users.ts'
import { silenced } from './blocks.ts'
import { changeMessage } from './change-message.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import { contentTexts, type SendMessageInput } from './message-input.ts'
import type { Message } from './model.ts'
import { requireMessageAccess } from './room-access.ts'
import { searchableText } from './searchable-text.ts'
import { shareFilesOf } from './share-files.ts'
import { SYSTEM_TYPES } from './system-message.ts'

/** Acknowledged after its commit. @throws CoreError NOT_ROOM_MEMBER, for a room that is not there too */
export async function sendMessage(ctx: ChatContext, actor: Actor, input: SendMessageInput): Promise<Message> {
  if (actor.kind === 'client' && SYSTEM_TYPES.has(input.messageType ?? ''))
    throw new CoreError('INVALID_MESSAGE_FORMAT', `"${input.messageType}" is sent by the server alone.`)
  const masked = await withoutBadWords(ctx, actor.app, input)
  return input.messageId === undefined
    ? postMessage(ctx, actor, masked)
    : changeMessage(ctx, actor, { ...masked, messageId: input.messageId })
}

/** What is encrypted is nobody's to read. */
async function withoutBadWords(
  ctx: ChatContext,
  app: string,
  input: SendMessageInput,
): Promise<SendMessageInput> {
  if (typeof input.message !== 'string' || input.messageType === 'encrypted') return input
  return { ...input, message: (await ctx.configs.of(app)).censor(input.message) }
}

async function postMessage(ctx: ChatContext, actor: Actor, input: SendMessageInput): Promise<Message> {
  const { app } = actor
  const at = now(ctx)
  if (input.messageType === 'recall')
    throw new CoreError('INVALID_MESSAGE_FORMAT', 'A recall names its message in "_id".')
  if (input.messageType === undefined && input.message === undefined)
    throw new CoreError('INVALID_MESSAGE_FORMAT', 'It has neither "messageType" nor "message".')
  const senderId = actor.kind === 'client' ? actor.userId : (input.senderId ?? actor.userId)
  if (actor.kind === 'platform' && senderId !== undefined) await ensureUsers(ctx.db, app, [senderId], at)
  const message: NewMessage = {
    id: ctx.newId(),
    roomId: input.roomId,
    senderId,
    clientMessageId: input.clientMessageId,
    messageType: input.messageType ?? 'text',
    ...contentTexts(input.message, input.fields),
    replyId: input.replyId ?? undefined,
    mentions: input.mentions,
    counts: !SYSTEM_TYPES.has(input.messageType ?? ''),
    onlyIfMember: actor.kind === 'client' ? actor.userId : undefined,
    followUps: input.followUps ?? {},
    searchText: searchableText({ ...input, messageType: input.messageType ?? 'text' }),
  }
  await shareFilesOf(ctx.db, app, message)
  const { message: posted, repeated, passedOthers } = await ctx.sends.post(app, message, at)
  if (posted === undefined) throw await whyRefused(ctx, actor, input.roomId)
  if (repeated) return posted
  const to = { roomId: input.roomId }
  ctx.publish({ type: 'message-posted', app, to, message: posted })
  if (passedOthers && senderId !== undefined)
    ctx.publish({ type: 'read', app, to, roomId: input.roomId, userId: senderId, messageId: posted.id })
  return posted
}

async function whyRefused(ctx: ChatContext, actor: Actor, roomId: string): Promise<CoreError> {
  await requireMessageAccess(ctx.db, actor, roomId)
  const [room] = await findRooms(ctx.db, actor.app, [roomId])
  return room?.status === 0 ? new CoreError('PERMISSION_DENIED', 'The room is frozen.') : silenced()
}
