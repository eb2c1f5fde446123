/** What a webhook answers: a message to post, and what the bot remembers (contract: rest §2.11). */
import type { PlatformIdentity } from '#contract/identity.ts'
import type { ChatContext } from '../chat/context.ts'
import { updateRoom } from '../chat/manage-room.ts'
import { sendMessage } from '../chat/send-message.ts'
import { CoreError } from '../errors.ts'
import { DatabaseError } from '../store/database.ts'
import type { Delivery } from '../store/webhooks.ts'
import { parseMessageBody } from '../wire/message-body.ts'

export type WebhookReply = {
  senderId: string | undefined
  botState: string | undefined
  message: Record<string, unknown> | undefined
}

/** Whatever is no such reply asks for nothing. */
export function parseReply(text: string): WebhookReply {
  const nothing: WebhookReply = { senderId: undefined, botState: undefined, message: undefined }
  let reply: unknown
  try {
    reply = JSON.parse(text)
  } catch {
    return nothing
  }
  if (!isRecord(reply)) return nothing
  const { senderID, toBotState, data } = reply
  return {
    senderId: typeof senderID === 'string' && senderID !== '' ? senderID : undefined,
    botState: typeof toBotState === 'string' ? toBotState : undefined,
    message: typeof data === 'string' ? { message: data } : isRecord(data) ? data : undefined,
  }
}

/**
 * Done twice it is done once: the message is named after the delivery. What cannot be done is the reply's fault and
 * ends there. @throws CoreError STORE_UNAVAILABLE
 */
export async function applyReply(chat: ChatContext, delivery: Delivery, reply: WebhookReply): Promise<void> {
  const { app, roomId, eventId, target } = delivery
  const actor: PlatformIdentity = {
    kind: 'platform',
    app,
    userId: undefined,
    deviceId: undefined,
    credentialId: 'webhook',
    expiresAtMs: undefined,
  }
  try {
    if (reply.message !== undefined)
      await sendMessage(chat, actor, {
        ...parseMessageBody(reply.message),
        roomId,
        messageId: undefined,
        senderId: reply.senderId,
        clientMessageId: `webhook:${target}:${eventId}`,
        followUps: { webhook: false },
      })
    if (reply.botState !== undefined)
      await updateRoom(chat, actor, { roomId, fields: { botState: reply.botState } })
  } catch (err) {
    if (!(err instanceof CoreError || err instanceof DatabaseError)) throw err
    if (err instanceof CoreError && err.code === 'STORE_UNAVAILABLE') throw err
    chat.log.warn({ event: 'webhook-reply-refused', err, app, roomId }, "a webhook's reply cannot be applied")
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
