import type { ChatContext } from '../chat/context.ts'
import { chatOperations } from './chat-operations.ts'
import { createSocketServer, type Realtime, type SocketServerParts } from './socket-server.ts'

export type { Realtime }

export type RealtimeParts = Omit<SocketServerParts, 'chat'> & { chat: ChatContext }

/** The sockets of one core, speaking for its chat. */
export function createRealtime({ chat, ...parts }: RealtimeParts): Realtime {
  return createSocketServer({ ...parts, chat: chatOperations(chat) })
}
