import { latestPositions } from '../chat/catch-up.ts'
import type { ChatContext } from '../chat/context.ts'
import { roomIdsOf } from '../chat/membership.ts'
import { recordLogin } from '../chat/profile.ts'
import { sendMessage } from '../chat/send-message.ts'
import { sendTyping } from '../chat/send-typing.ts'
import { CoreError } from '../errors.ts'
import { positionsOfUsers, type RoomPosition } from '../store/positions.ts'
import { parseMessageBody } from '../wire/message-body.ts'
import { presentMessage } from '../wire/present.ts'
import type { NamedIdentity } from './sessions.ts'

export type CameFrom = { address: string; userAgent: string | undefined }

/** What sockets need of the chat. */
export type ChatOperations = {
  /** The rooms whose events a user's sockets get. */
  roomIdsOf(app: string, userId: string): Promise<readonly string[]>
  /** Where a user's rooms are, the latest active first, and whether these are all. */
  latestPositions(app: string, userId: string): Promise<{ rooms: RoomPosition[]; complete: boolean }>
  positionsOfUsers(app: string, userIds: readonly string[]): Promise<Array<RoomPosition & { userId: string }>>
  recordLogin(app: string, userId: string, from: CameFrom): Promise<unknown>
  /** Resolves with the message as the wire shows it. */
  sendMessage(identity: NamedIdentity, payload: Record<string, unknown>): Promise<object>
  sendTyping(identity: NamedIdentity, input: { roomId: string; text: string }): Promise<unknown>
}

export const chatOperations = (chat: ChatContext): ChatOperations => ({
  roomIdsOf: (app, userId) => roomIdsOf(chat, app, userId),
  latestPositions: (app, userId) => latestPositions(chat, app, userId),
  positionsOfUsers: (app, userIds) => positionsOfUsers(chat.db, app, userIds),
  recordLogin: (app, userId, from) => recordLogin(chat, app, userId, from),
  async sendMessage(identity, payload) {
    const { room: roomId } = payload
    if (typeof roomId !== 'string' || roomId === '') throw new CoreError('MISSING_PARAMETER', '"room"')
    return presentMessage(await sendMessage(chat, identity, { ...parseMessageBody(payload), roomId }))
  },
  sendTyping: (identity, input) => sendTyping(chat, identity, input),
})
