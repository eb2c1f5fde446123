import type { BatchInput, BatchPart } from '../chat/batches.ts'
import { CoreError } from '../errors.ts'
import { parseMessageBody } from './message-body.ts'

export const MAX_BATCH_PARTS = 5_000
const MAX_WORDS = 32

/** A batch as back ends and clients send it. @throws CoreError INVALID_REQUEST, INVALID_MESSAGE_FORMAT */
export function parseBatchBody(body: Record<string, unknown>): BatchInput {
  const { paras, push, skipTotalBadge, _id, reply: _reply, ...content } = body
  if (!Array.isArray(paras) || paras.length === 0 || paras.length > MAX_BATCH_PARTS)
    throw new CoreError('INVALID_REQUEST', `"paras" is a list of 1 to ${MAX_BATCH_PARTS}.`)
  const { message, messageType, mentions, fields, senderId } = parseMessageBody(content)
  return {
    message,
    ...(messageType !== undefined && { messageType }),
    mentions,
    fields,
    senderId,
    push: push === true,
    badge: skipTotalBadge !== true,
    parts: paras.map(parsePart),
  }
}

/** A room decides over a receiver; every other entry is a pattern and what stands in its place. */
function parsePart(para: unknown): BatchPart {
  if (typeof para !== 'object' || para === null || Array.isArray(para)) throw invalid()
  const { room, receiver, ...others } = para as Record<string, unknown>
  const roomId = idOf(room)
  const receiverId = roomId === undefined ? idOf(receiver) : undefined
  if (roomId === undefined && receiverId === undefined) throw invalid()
  const words = Object.entries(others).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' || typeof value === 'number' ? [[name, String(value)]] : [],
  )
  if (words.length > MAX_WORDS) throw invalid()
  return { ...(roomId !== undefined && { roomId }), ...(receiverId !== undefined && { receiverId }), words }
}

function idOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string' && value.length <= 256) return value
  throw invalid()
}

const invalid = () =>
  new CoreError(
    'INVALID_REQUEST',
    `Each of "paras" names a room or a receiver, and at most ${MAX_WORDS} patterns.`,
  )
