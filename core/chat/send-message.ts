import { CoreError } from '../errors.ts'
import { jsonText } from '../store/columns.ts'
import { type Database, DatabaseError, UNIQUE_VIOLATION } from '../store/database.ts'
import { findByClientId, insertMessage, type MessageRow, type NewMessage } from '../store/messages.ts'
import { findRooms } from '../store/rooms.ts'
import { ensureUsers } from '../store/users.ts'
import { changeMessage } from './change-message.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import type { SendMessageInput } from './message-input.ts'
import type { Message } from './model.ts'
import { populateMessage } from './populate.ts'
import { requireMessageAccess } from './room-access.ts'
import { SYSTEM_TYPES } from './system-message.ts'

/** Acknowledged after its commit. @throws CoreError NOT_ROOM_MEMBER, for a room that is not there too */
export async function sendMessage(ctx: ChatContext, actor: Actor, input: SendMessageInput): Promise<Message> {
  if (actor.kind === 'client' && SYSTEM_TYPES.has(input.messageType ?? ''))
    throw new CoreError('INVALID_MESSAGE_FORMAT', `"${input.messageType}" is sent by the server alone.`)
  return input.messageId === undefined
    ? postMessage(ctx, actor, input)
    : changeMessage(ctx, actor, { ...input, messageId: input.messageId })
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
    message: jsonText(input.message),
    fields: JSON.stringify(input.fields),
    replyId: input.replyId ?? undefined,
    mentions: input.mentions,
    counts: !SYSTEM_TYPES.has(input.messageType ?? ''),
    onlyIfMember: actor.kind === 'client' ? actor.userId : undefined,
    followUps: input.followUps ?? {},
  }
  const { row, repeated } = await insertOnce(ctx.db, app, message, at)
  if (row === undefined) throw await whyRefused(ctx, actor, input.roomId)
  const posted = await populateMessage(ctx.db, app, row)
  if (!repeated) ctx.publish({ type: 'message-posted', app, to: { roomId: input.roomId }, message: posted })
  return posted
}

async function insertOnce(
  db: Database,
  app: string,
  message: NewMessage,
  at: Date,
): Promise<{ row: MessageRow | undefined; repeated: boolean }> {
  try {
    return { row: await insertMessage(db, app, message, at), repeated: false }
  } catch (error) {
    const isRepeat = error instanceof DatabaseError && error.sqlState === UNIQUE_VIOLATION
    if (!isRepeat || message.clientMessageId === undefined) throw error
    const row = await findByClientId(db, app, message.roomId, message.senderId, message.clientMessageId)
    if (row === undefined) throw error
    return { row, repeated: true }
  }
}

async function whyRefused(ctx: ChatContext, actor: Actor, roomId: string): Promise<CoreError> {
  await requireMessageAccess(ctx.db, actor, roomId)
  const [room] = await findRooms(ctx.db, actor.app, [roomId])
  return room?.status === 0
    ? new CoreError('PERMISSION_DENIED', 'The room is frozen.')
    : new CoreError('NOT_ROOM_MEMBER')
}
