import { CoreError } from '../errors.ts'
import { jsonText } from '../store/columns.ts'
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

/** Lists of hundreds are one answer, and every member is sent it. */
const MAX_MESSAGE_LENGTH = 131_072

/** @throws CoreError PAYLOAD_TOO_LARGE */
export function contentTexts(
  message: unknown,
  fields: Record<string, unknown>,
): { message: string | null; fields: string } {
  const texts = { message: jsonText(message), fields: JSON.stringify(fields) }
  if ((texts.message?.length ?? 0) + texts.fields.length > MAX_MESSAGE_LENGTH)
    throw new CoreError('PAYLOAD_TOO_LARGE', `A message has at most ${MAX_MESSAGE_LENGTH} characters.`)
  return texts
}
