/** How a client that was away learns what it missed: by its positions in its rooms. */
import { CoreError } from '../errors.ts'
import { findMessagesById, type MessageRow } from '../store/messages.ts'
import {
  findMessagesAfter,
  findPositions,
  findRoomEvents,
  MAX_ROOMS_TOLD,
  type RoomEventRow,
  type RoomPosition,
  latestPositions as storedPositions,
} from '../store/positions.ts'
import type { Actor, ChatContext } from './context.ts'
import type { Message } from './model.ts'
import { populateMessages } from './populate.ts'
import { requireMessageAccess } from './room-access.ts'

/** Who has missed more starts anew: that costs less than telling it all. */
export const MAX_MISSED = 500

/** A change, and the message as it is now; without one where it was deleted. */
export type RoomEvent = RoomEventRow & { message: Message | undefined }

export type Missed =
  | { reset: true; seq: number; evSeq: number }
  | { reset: false; seq: number; evSeq: number; messages: Message[]; events: RoomEvent[] }

/**
 * The changes of a room after `after`, oldest first, and where `afterSeq` is given the messages after it. `seq` and
 * `evSeq` are where the room is: who has not come so far asks again.
 * @throws CoreError NOT_ROOM_MEMBER
 */
export async function readMissed(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; after: number; afterSeq: number | undefined; limit: number },
): Promise<Missed> {
  const { db } = ctx
  const { app } = actor
  const { roomId, after, limit } = input
  await requireMessageAccess(db, actor, roomId)
  const [head] = await findPositions(db, app, undefined, [roomId])
  if (head === undefined) throw new CoreError('ROOM_NOT_FOUND')
  const { seq, evSeq } = head
  const afterSeq = input.afterSeq ?? seq
  if (isBeyond(evSeq - after) || isBeyond(seq - afterSeq)) return { reset: true, seq, evSeq }
  const [events, posted] = await Promise.all([
    findRoomEvents(db, app, roomId, { after, upTo: evSeq, limit }),
    findMessagesAfter(db, app, roomId, { after: afterSeq, upTo: seq, limit }),
  ])
  const changedIds = [...new Set(events.map((event) => event.messageId))]
  const changed = await findMessagesById(
    db,
    app,
    changedIds.map((id) => ({ roomId, id })),
  )
  const messages = await populateMessages(db, app, withoutTwins([...posted, ...changed]))
  const byId = new Map(messages.map((message) => [message.id, message]))
  return {
    reset: false,
    seq,
    evSeq,
    messages: posted.flatMap((row) => byId.get(row.id) ?? []),
    events: events.map((event) => ({ ...event, message: byId.get(event.messageId) })),
  }
}

/** A client that is ahead of the room remembers what the database has lost. */
const isBeyond = (missed: number): boolean => missed > MAX_MISSED || missed < 0

const withoutTwins = (rows: MessageRow[]): MessageRow[] => [
  ...new Map(rows.map((row) => [row.id, row])).values(),
]

export type Behind = {
  /** Rooms in which the client is not where the room is; `reset`: too far to be told change by change. */
  rooms: Array<RoomPosition & { reset: boolean }>
  /** Rooms that it names and is not in. */
  goneIds: string[]
}

/** Compares what a client knows of its rooms with where they are. */
export async function compareRooms(
  ctx: ChatContext,
  actor: Actor,
  known: ReadonlyMap<string, { seq: number; evSeq: number }>,
): Promise<Behind> {
  const userId = actor.kind === 'client' ? actor.userId : undefined
  const places = await findPositions(ctx.db, actor.app, userId, [...known.keys()])
  const found = new Set(places.map((place) => place.roomId))
  const rooms = places.flatMap((place) => {
    const mine = known.get(place.roomId)
    if (mine === undefined || (mine.seq === place.seq && mine.evSeq === place.evSeq)) return []
    return [{ ...place, reset: isBeyond(place.seq - mine.seq) || isBeyond(place.evSeq - mine.evSeq) }]
  })
  return { rooms, goneIds: [...known.keys()].filter((id) => !found.has(id)) }
}

export async function latestPositions(
  ctx: ChatContext,
  app: string,
  userId: string,
): Promise<{ rooms: RoomPosition[]; complete: boolean }> {
  const rooms = await storedPositions(ctx.db, app, userId, MAX_ROOMS_TOLD + 1)
  return { rooms: rooms.slice(0, MAX_ROOMS_TOLD), complete: rooms.length <= MAX_ROOMS_TOLD }
}
