/** What a client keeps of a room, by docs/delivery.md. */
import { asObject, type Json } from '../support/api-client.ts'
import type { SeenMessage } from './history.ts'

export type Position = { seq: number; evSeq: number }

export type RoomView = {
  /** Up to here it has everything. */
  position(): Position
  /** @returns whether it shows a gap, so that the client must ask. */
  take(message: SeenMessage): boolean
  has(messageId: string): boolean
  moveTo(position: Position): void
  /** Starts anew. */
  clear(): void
  messages(): SeenMessage[]
}

export function createRoomView(): RoomView {
  const messages = new Map<string, SeenMessage>()
  let seq = 0
  let evSeq = 0
  return {
    position: () => ({ seq, evSeq }),
    take(message) {
      const known = messages.get(message.id)
      if (known === undefined || message.evSeq > known.evSeq) messages.set(message.id, message)
      if (message.seq === seq + 1) seq += 1
      if (message.evSeq === evSeq + 1) evSeq += 1
      return message.seq > seq || message.evSeq > evSeq
    },
    has: (messageId) => messages.has(messageId),
    moveTo(position) {
      seq = Math.max(seq, position.seq)
      evSeq = Math.max(evSeq, position.evSeq)
    },
    clear() {
      messages.clear()
      seq = evSeq = 0
    },
    messages: () => [...messages.values()].sort((one, other) => one.seq - other.seq),
  }
}

export const messageOf = (wire: Json): SeenMessage => ({
  id: String(wire._id),
  seq: Number(wire.seq),
  evSeq: Number(wire.evSeq),
  sender: String(asObject(wire.sender)._id),
  messageType: String(wire.messageType),
  text: String(wire.message),
})
