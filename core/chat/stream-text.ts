import { CoreError } from '../errors.ts'
import { findMessageAnywhere } from '../store/messages.ts'
import { requireVoice } from './blocks.ts'
import type { Actor, ChatContext } from './context.ts'
import { populateMessage } from './populate.ts'
import { standing } from './room-access.ts'

/** What a message is while its text is still being made; an edit to any other type ends it. */
export const STREAMING = 'ai_streaming'

/** Tells the room what comes next in a message's text: its sender may, and a customer's server. Kept nowhere. */
export async function streamText(
  ctx: ChatContext,
  actor: Actor,
  input: { messageId: string; text: string },
): Promise<void> {
  const { app } = actor
  const row = await findMessageAnywhere(ctx.db, app, input.messageId)
  if (row === undefined) throw new CoreError('MESSAGE_NOT_FOUND')
  const { room } = await standing(ctx.db, actor, row.roomId)
  if (actor.kind === 'client' && row.senderId !== actor.userId)
    throw new CoreError('PERMISSION_DENIED', 'It is the message of another.')
  await requireVoice(ctx.db, actor, room)
  const { id: messageId, roomId, sender, messageType } = await populateMessage(ctx.db, app, row)
  if (messageType !== STREAMING)
    throw new CoreError('INVALID_REQUEST', `Only a message of type "${STREAMING}" is streamed.`)
  // Clients look into the sender.
  if (sender === undefined) throw new CoreError('INVALID_REQUEST', 'The message has no sender.')
  ctx.publish({ type: 'text-streamed', app, to: { roomId }, roomId, messageId, sender, text: input.text })
}
