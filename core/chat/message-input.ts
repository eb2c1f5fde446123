import type { FollowUps } from '../store/messages.ts'

export type SendMessageInput = {
  roomId: string
  /** Names a message that is there: it is edited, or recalled where `messageType` says so. */
  messageId?: string | undefined
  /** Only a platform key may speak for another. */
  senderId?: string | undefined
  /** The sender's own name for it: a repeat is answered with the message of the first time. */
  clientMessageId?: string | undefined
  messageType?: string | undefined
  message?: unknown
  /** null = no reply; undefined = as it is. */
  replyId?: string | null | undefined
  mentions: string[]
  followUps?: FollowUps | undefined
  /** Everything else, verbatim. */
  fields: Record<string, unknown>
}
