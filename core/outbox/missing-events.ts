/** Events that follow from outbox rows, where nobody was heard to tell the sockets. */
import { type ChatEvent, followUpKey } from '../chat/events.ts'
import { hidingEvents } from '../chat/hiding-events.ts'
import { populateInvitations } from '../chat/invite.ts'
import { loadRoom, populateMessages, withoutView } from '../chat/populate.ts'
import type { Queryable } from '../store/database.ts'
import { findInvitations } from '../store/invitations.ts'
import { findMemberIds } from '../store/members.ts'
import { findMessagesById } from '../store/messages.ts'
import type { OutboxRow } from '../store/outbox.ts'
import { findChangedTogether } from '../store/positions.ts'
import type { Emitted } from './emitted.ts'
import { messageIdOf, reachedOf, textOf, userIdsOf } from './payloads.ts'

/** As `followUpKey` of the row's event. */
export function rowKey({ topic, app, roomId, payload, position }: OutboxRow): string {
  switch (topic) {
    case 'message-posted':
      return JSON.stringify(['posted', app, roomId, payload.seq])
    case 'message-changed':
      return JSON.stringify(['changed', app, roomId, payload.evSeq])
    case 'read':
      return JSON.stringify(['read', app, roomId, payload.userId, payload.messageId])
    case 'members-joined':
      return JSON.stringify(['members-joined', app, roomId, ...reachedOf(payload).toSorted()])
    case 'members-removed':
      return JSON.stringify(['members-left', app, roomId, ...reachedOf(payload).toSorted()])
    case 'room-changed':
      return JSON.stringify(['room', app, payload.changeId])
    case 'invited':
      return JSON.stringify(['invited', app, roomId, ...userIdsOf(payload), payload.atMs])
    case 'invitation-cancelled':
      return JSON.stringify(['cancelled', app, roomId, ...userIdsOf(payload).toSorted()])
    default:
      return JSON.stringify([topic, position])
  }
}

/** In the order of the rows; of a message that changed several times its last change is told once. */
export async function missingEvents(
  tx: Queryable,
  rows: readonly OutboxRow[],
  emitted: Emitted,
): Promise<ChatEvent[]> {
  const events: ChatEvent[] = []
  for (const row of rows) {
    const told = emitted.has(rowKey(row))
    if (row.topic === 'members-joined' || row.topic === 'members-removed')
      events.push(...(await membershipEvents(tx, row, told)))
    else if (row.topic === 'room-changed') events.push(...(told ? [] : await roomEvents(tx, row)))
    else if (row.topic === 'invited' || row.topic === 'invitation-cancelled')
      events.push(...(told ? [] : await invitationEvents(tx, row)))
    else if (!told) events.push(...(await messageEvents(tx, row)))
  }
  return withoutTwins(events)
}

/** A room is told after all that changed it: who joins meanwhile hears it too. */
function withoutTwins(events: ChatEvent[]): ChatEvent[] {
  const keys = new Set<string>()
  const lastOfRoom = new Map<string, ChatEvent>()
  for (const event of events) if (event.type === 'room-changed') lastOfRoom.set(roomKey(event), event)
  return events.filter((event) => {
    if (event.type === 'room-changed') return lastOfRoom.get(roomKey(event)) === event
    const key = event.type === 'message-changed' ? followUpKey(event) : undefined
    if (key === undefined) return true
    const isFirst = !keys.has(key)
    keys.add(key)
    return isFirst
  })
}

const roomKey = (event: Extract<ChatEvent, { type: 'room-changed' }>) =>
  JSON.stringify([event.app, event.room.id])

async function messageEvents(tx: Queryable, row: OutboxRow): Promise<ChatEvent[]> {
  const { topic, app, roomId, payload } = row
  const to = { roomId }
  const messageId = messageIdOf(payload)
  if (messageId === undefined) return []
  if (topic === 'message-changed' && payload.kind === 'deleted') {
    const evSeq = Number(payload.evSeq)
    const messageIds = await findChangedTogether(tx, app, roomId, 'deleted', evSeq)
    return [{ type: 'messages-deleted', app, to, roomId, messageIds, evSeq }]
  }
  if (topic === 'message-changed' && payload.kind === 'hidden') {
    const ids = await findChangedTogether(tx, app, roomId, 'hidden', Number(payload.evSeq))
    return hidingEvents(tx, app, roomId, ids)
  }
  if (topic === 'read') return [{ type: 'read', app, to, roomId, userId: textOf(payload.userId), messageId }]
  const type = topic === 'message-posted' || topic === 'message-changed' ? topic : undefined
  const found = type === undefined ? [] : await findMessagesById(tx, app, [{ roomId, id: messageId }])
  const messages = await populateMessages(tx, app, found)
  return messages.flatMap((message) => (type === undefined ? [] : [{ type, app, to, message }]))
}

/**
 * Told again even if it was: sockets of a core that missed the telling would go on listening to a room that their user
 * has left. Who has come back meanwhile, or left again, has a row of their own for that.
 */
async function membershipEvents(tx: Queryable, row: OutboxRow, told: boolean): Promise<ChatEvent[]> {
  const { app, roomId, topic, payload } = row
  const joins = topic === 'members-joined'
  const inside = new Set(await findMemberIds(tx, app, roomId))
  const userIds = reachedOf(payload).filter((id) => inside.has(id) === joins)
  const type = joins ? 'members-joined' : 'members-left'
  const moved: ChatEvent[] = userIds.length === 0 ? [] : [{ type, app, to: { roomId }, roomId, userIds }]
  return told ? moved : [...moved, ...(await roomEvents(tx, row))]
}

async function roomEvents(tx: Queryable, { app, roomId, payload }: OutboxRow): Promise<ChatEvent[]> {
  const room = await loadRoom(tx, app, roomId, undefined)
  if (room === undefined) return []
  const changeId = typeof payload.changeId === 'string' ? payload.changeId : undefined
  return [{ type: 'room-changed', app, to: { roomId }, room: withoutView(room), changeId }]
}

/** As it stands now: an invitation that was answered meanwhile is told no more, one that was repeated is not cancelled. */
async function invitationEvents(tx: Queryable, row: OutboxRow): Promise<ChatEvent[]> {
  const { app, roomId, topic, payload } = row
  const userIds = userIdsOf(payload)
  const pending = await findInvitations(tx, app, { roomId, inviteeIds: userIds })
  if (topic === 'invited')
    return (await populateInvitations(tx, app, pending)).map((invitation) => ({
      type: 'invited',
      app,
      to: { userIds: [invitation.invitee.id] },
      invitation,
    }))
  const cancelled = userIds.filter((id) => !pending.some((one) => one.inviteeId === id))
  return cancelled.length === 0
    ? []
    : [{ type: 'invitation-cancelled', app, to: { userIds: cancelled }, roomId }]
}
