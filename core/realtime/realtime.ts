import type { ChatContext } from '../chat/context.ts'
import type { ChatEvent } from '../chat/events.ts'
import { chatOperations } from './chat-operations.ts'
import { createSocketServer, type Realtime, type SocketServerParts } from './socket-server.ts'

export type { Realtime }

export type RealtimeParts = Omit<SocketServerParts, 'chat'> & {
  chat: ChatContext
  /** Whether the others in a room are told how far somebody has read. */
  tellsReads?: boolean
}

/** The sockets of one core, speaking for its chat. */
export function createRealtime({ chat, tellsReads = true, ...parts }: RealtimeParts): Realtime {
  const sockets = createSocketServer({ ...parts, chat: chatOperations(chat) })
  if (tellsReads) return sockets
  return { ...sockets, publish: (event) => sockets.publish(forReaderAlone(event)) }
}

/** One's own other devices still learn of it. */
const forReaderAlone = (event: ChatEvent): ChatEvent =>
  event.type === 'read' ? { ...event, to: { userIds: [event.userId] } } : event
