import type { SendMessageInput } from '../chat/message-input.ts'
import { CoreError } from '../errors.ts'

/** Ours to write; `data` nobody's, since one client would take it for the whole message. All else is echoed. */
const OWN_FIELDS = new Set([
  '_id',
  'id',
  'appID',
  '__v',
  'room',
  'seq',
  'evSeq',
  'sender',
  'messageType',
  'message',
  'reply',
  'reactions',
  'reactionCount',
  'isPined',
  'pinned',
  'isHidden',
  'isDeleted',
  'messageTime',
  'messageTimeMS',
  'createdAt',
  'createdAtMS',
  'updatedAt',
  'updatedAtMS',
  'editedAt',
  'editedAtMS',
  'data',
])

/** A message as a client sends it, by HTTP or by socket. @throws CoreError INVALID_MESSAGE_FORMAT */
export function parseMessageBody(body: Record<string, unknown>): Omit<SendMessageInput, 'roomId'> {
  const entries = Object.entries(body).filter(([name]) => !OWN_FIELDS.has(name))
  const { message, mentions } = body
  return {
    messageId: optionalId(body, '_id'),
    senderId: referenceOf(body, 'sender') ?? undefined,
    clientMessageId: optionalId(body, 'clientMessageID'),
    messageType: optionalId(body, 'messageType'),
    message: message ?? undefined,
    replyId: referenceOf(body, 'reply'),
    mentions: parseMentions(mentions),
    fields: Object.fromEntries(entries),
  }
}

const MAX_ID_LENGTH = 256

/** Clients send empty texts and nulls for what they do not have. */
function optionalId(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string' && value.length <= MAX_ID_LENGTH) return value
  throw new CoreError('INVALID_MESSAGE_FORMAT', `"${name}" is a text of at most ${MAX_ID_LENGTH}.`)
}

/** An id, or an object that has one; null where it says "none", undefined where it says nothing. */
function referenceOf(body: Record<string, unknown>, name: string): string | null | undefined {
  const value = body[name]
  if (value === undefined) return undefined
  if (value === null || value === '') return null
  if (typeof value === 'object' && '_id' in value) return optionalId({ [name]: value._id }, name) ?? null
  return optionalId(body, name) ?? null
}

function parseMentions(value: unknown): string[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value) && value.every((id) => typeof id === 'string')) return value
  throw new CoreError('INVALID_MESSAGE_FORMAT', '"mentions" is a list of client ids.')
}
