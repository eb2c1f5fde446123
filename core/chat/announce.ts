import { CoreError } from '../errors.ts'
import type { MessageRow } from '../store/messages.ts'
import type { Actor, ChatContext } from './context.ts'
import type { Message, Room } from './model.ts'
import { loadRoom, populateMessages, withoutView } from './populate.ts'

export type RoomChange = {
  joined?: string[]
  left?: string[]
  posted?: MessageRow[]
  /** As in the outbox. */
  changeId?: string
}

/**
 * Tells a room's committed change and answers the room as the actor sees it. New members hear what follows their
 * joining; those who left still hear the message that says so.
 */
export async function announceRoom(
  ctx: ChatContext,
  actor: Actor,
  roomId: string,
  { joined = [], left = [], posted = [], changeId }: RoomChange,
): Promise<Room> {
  const { app } = actor
  const [room, messages] = await Promise.all([
    loadRoom(ctx.db, app, roomId, actor),
    populateMessages(ctx.db, app, posted),
  ])
  if (room === undefined) throw new CoreError('ROOM_NOT_FOUND')
  const to = { roomId }
  if (joined.length > 0) ctx.publish({ type: 'members-joined', app, to, roomId, userIds: joined })
  announceMessages(ctx, messages)
  if (left.length > 0) ctx.publish({ type: 'members-left', app, to, roomId, userIds: left })
  ctx.publish({ type: 'room-changed', app, to, room: withoutView(room), changeId })
  return room
}

function announceMessages(ctx: ChatContext, messages: Message[]): void {
  for (const message of messages)
    ctx.publish({ type: 'message-posted', app: message.app, to: { roomId: message.roomId }, message })
}
