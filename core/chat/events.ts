import type { Invitation, Message, Room, RoomPref, User } from './model.ts'

/** Whose sockets an event reaches: those of a room's members, or those of named users. */
export type Recipients = { roomId: string; exceptUserId?: string } | { userIds: string[] }

/** What happened, told after its commit. `realtime/` turns it into the sockets' events. */
export type ChatEvent = { app: string; to: Recipients } & (
  | { type: 'message-posted' | 'message-changed'; message: Message }
  | { type: 'messages-deleted'; roomId: string; messageIds: string[]; evSeq: number }
  | { type: 'messages-hidden-from-user'; roomId: string; messageIds: string[]; all: boolean }
  /** `changeId` names the change in the outbox, where it is there by itself. */
  | { type: 'room-changed'; room: Room; changeId?: string | undefined }
  | { type: 'members-joined' | 'members-left'; roomId: string; userIds: string[] }
  /** So many at once that they are told by their ids. */
  | { type: 'messages-hidden'; roomId: string; messageIds: string[]; hidden: boolean; evSeq: number }
  | { type: 'text-streamed'; roomId: string; messageId: string; sender: User; text: string }
  | { type: 'typing'; roomId: string; sender: User; text: string }
  | { type: 'read'; roomId: string; userId: string; messageId: string }
  | { type: 'room-pref-changed'; pref: RoomPref }
  | { type: 'my-pref-changed'; key: string; content: unknown }
  | { type: 'my-pref-deleted'; key: string }
  | { type: 'invited'; invitation: Invitation }
  | { type: 'invitation-cancelled'; roomId: string }
)

/** Told to the sockets at once, by the core that served the command. Never throws, never delays its caller. */
export type Publish = (event: ChatEvent) => void

/**
 * The name by which a follow-up in the outbox and its event are known to be the same; undefined for what the outbox
 * does not hold.
 */
export function followUpKey(event: ChatEvent): string | undefined {
  switch (event.type) {
    case 'message-posted':
      return JSON.stringify(['posted', event.app, event.message.roomId, event.message.seq])
    case 'message-changed':
      return JSON.stringify(['changed', event.app, event.message.roomId, event.message.evSeq])
    case 'messages-deleted':
    case 'messages-hidden':
      return JSON.stringify(['changed', event.app, event.roomId, event.evSeq])
    case 'read':
      return JSON.stringify(['read', event.app, event.roomId, event.userId, event.messageId])
    case 'room-changed':
      return event.changeId === undefined ? undefined : JSON.stringify(['room', event.app, event.changeId])
    case 'invited': {
      const { room, invitee, updatedAt } = event.invitation
      return JSON.stringify(['invited', event.app, room.id, invitee.id, updatedAt.getTime()])
    }
    case 'invitation-cancelled': {
      const { app, to, roomId } = event
      return JSON.stringify(['cancelled', app, roomId, ...('userIds' in to ? to.userIds.toSorted() : [])])
    }
    case 'members-joined':
    case 'members-left':
      return JSON.stringify([event.type, event.app, event.roomId, ...event.userIds.toSorted()])
    default:
      return undefined
  }
}
