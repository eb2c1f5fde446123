import type { Message, Room, User } from './model.ts'

/** Whose sockets an event reaches: those of a room's members, or those of named users. */
export type Recipients = { roomId: string; exceptUserId?: string } | { userIds: string[] }

/** What happened, told after its commit. `realtime/` turns it into the sockets' events. */
export type ChatEvent = { app: string; to: Recipients } & (
  | { type: 'message-posted' | 'message-changed'; message: Message }
  | { type: 'room-changed'; room: Room }
  | { type: 'members-joined' | 'members-left'; roomId: string; userIds: string[] }
  | { type: 'typing'; roomId: string; sender: User; text: string }
  | { type: 'read'; roomId: string; userId: string; messageId: string }
)

/** Told to the sockets at once, by the core that served the command. Never throws, never delays its caller. */
export type Publish = (event: ChatEvent) => void
