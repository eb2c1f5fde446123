import type { ChatEvent, Recipients } from '../chat/events.ts'
import {
  presentInvitation,
  presentMessage,
  presentRoom,
  presentRoomPref,
  presentUser,
} from '../wire/present.ts'
import type { Broadcast } from './cluster.ts'

const NOBODY: Recipients = { userIds: [] }

/** A chat event as the sockets' own event (contract: realtime §1.5), or as a movement of sockets between rooms. */
export function toBroadcast(event: ChatEvent): Broadcast {
  const { app, to } = event
  const announce = (name: string, payload: object | string, whenBusy?: Recipients): Broadcast => ({
    announcement: { app, to, event: name, payload, ...(whenBusy !== undefined && { whenBusy }) },
  })
  switch (event.type) {
    case 'members-joined':
    case 'members-left': {
      const { roomId, userIds, type } = event
      return { movement: { app, roomId, userIds, joined: type === 'members-joined' } }
    }
    case 'message-posted':
    case 'message-changed':
      return announce('chat message', presentMessage(event.message))
    case 'messages-deleted': {
      const { roomId, messageIds, evSeq } = event
      return announce('deleteMessages', { room: roomId, messages: messageIds, evSeq })
    }
    case 'messages-hidden': {
      const { roomId, messageIds, hidden, evSeq } = event
      return announce('hideMessages', { room: roomId, messages: messageIds, isHidden: hidden, evSeq })
    }
    case 'messages-hidden-from-user': {
      const { roomId, messageIds, all } = event
      return announce('userDeleteMessages', {
        room: roomId,
        messages: messageIds,
        isUserDeleteAllMessagesInRoom: all,
      })
    }
    case 'room-changed':
      // One text for every viewer: what differs between them is left out, and clients keep what they had.
      return announce('room', presentRoom({ ...event.room, view: undefined }))
    case 'text-streamed': {
      const { roomId, messageId, sender, text } = event
      const who = { sender: sender.id, senderInfo: presentUser(sender) }
      return announce('ai_streaming', { messageId, room: roomId, text, ...who })
    }
    case 'typing': {
      const { roomId, sender, text } = event
      const who = { sender: sender.id, senderInfo: presentUser(sender) }
      return announce('typing', { room: roomId, message: text, ...who }, NOBODY)
    }
    case 'read': {
      const { roomId, userId, messageId } = event
      // No `room` with the member's mark beside it: a room without members makes shipped web clients throw.
      const payload = { roomID: roomId, memberID: userId, messageID: messageId }
      return announce('lastRead', payload, { userIds: [userId] })
    }
    case 'room-pref-changed':
      return announce('roomPref', presentRoomPref(event.pref))
    case 'my-pref-changed':
      return announce('myPrefChange', { key: event.key, data: event.content })
    case 'my-pref-deleted':
      return announce('myPrefDelete', event.key)
    case 'invited': {
      const { invitation } = event
      const room = { ...invitation.room, view: undefined }
      return announce('invitation', presentInvitation({ ...invitation, room }))
    }
    case 'invitation-cancelled':
      return announce('cancelInvitation', { room: event.roomId })
  }
}
