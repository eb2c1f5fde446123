import { countChangedSince } from '../store/message-pages.ts'
import { roomMessageCount } from '../store/rooms.ts'
import type { Actor, ChatContext } from './context.ts'
import { requireMessageAccess } from './room-access.ts'

/** Messages of a room that were posted or changed after a moment. */
export async function countMessages(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; afterMs: number },
): Promise<number> {
  await requireMessageAccess(ctx.db, actor, input.roomId)
  return input.afterMs <= 0
    ? roomMessageCount(ctx.db, actor.app, input.roomId)
    : countChangedSince(ctx.db, actor.app, input.roomId, new Date(input.afterMs))
}
