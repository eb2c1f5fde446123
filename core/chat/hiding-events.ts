import type { Queryable } from '../store/database.ts'
import { findMessagesById } from '../store/messages.ts'
import type { ChatEvent } from './events.ts'
import { populateMessages } from './populate.ts'

/** More than these would crowd each other out of a room's queue: the others are told by their ids alone. */
const MAX_TOLD_IN_FULL = 50

/** What tells that these were hidden, or are shown again, by one commit; `ids` in the order of their changes. */
export async function hidingEvents(
  q: Queryable,
  app: string,
  roomId: string,
  ids: readonly string[],
): Promise<ChatEvent[]> {
  const newest = ids.slice(-MAX_TOLD_IN_FULL)
  const rows = await findMessagesById(
    q,
    app,
    newest.map((id) => ({ roomId, id })),
  )
  const messages = (await populateMessages(q, app, rows)).toSorted((a, b) => a.evSeq - b.evSeq)
  const told: ChatEvent[] = messages.map((message) => ({
    type: 'message-changed',
    app,
    to: { roomId },
    message,
  }))
  const last = messages.at(-1)
  if (ids.length <= MAX_TOLD_IN_FULL || last === undefined) return told
  const { hidden, evSeq } = last
  // First: who follows the positions then misses nothing between those that come in full.
  return [
    { type: 'messages-hidden', app, to: { roomId }, roomId, messageIds: [...ids], hidden, evSeq },
    ...told,
  ]
}
