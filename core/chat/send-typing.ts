import { CoreError } from '../errors.ts'
import { isBlocked } from '../store/blocks.ts'
import { findMember } from '../store/members.ts'
import { findUsers } from '../store/users.ts'
import { silenced } from './blocks.ts'
import { type Actor, actingUser, type ChatContext } from './context.ts'

/** Told to the other members, kept nowhere. */
export async function sendTyping(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; text: string },
): Promise<{ senderId: string }> {
  const { app } = actor
  const senderId = actingUser(actor)
  const { roomId, text } = input
  const [member, [sender]] = await Promise.all([
    findMember(ctx.db, app, roomId, senderId),
    findUsers(ctx.db, app, [senderId]),
  ])
  if (member === undefined || sender === undefined) throw new CoreError('NOT_ROOM_MEMBER')
  if (actor.kind === 'client' && (await isBlocked(ctx.db, app, roomId, senderId))) throw silenced()
  ctx.publish({ type: 'typing', app, to: { roomId, exceptUserId: senderId }, roomId, sender, text })
  return { senderId }
}
