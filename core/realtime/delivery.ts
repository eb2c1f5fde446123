import type { Namespace } from 'socket.io'
import type { Recipients } from '../chat/events.ts'
import { ENCODINGS, type Encoding, encode } from './encoding.ts'
import type { RealtimeLimits } from './limits.ts'
import { roomName, userRoomName } from './room-names.ts'

/** An event on its way to the sockets of every core. */
export type Announcement = { app: string; to: Recipients; event: string; payload: object | string }

export type Delivery = {
  /**
   * Sends to this core's sockets of the audience, as it is now: who leaves later still hears it, who joins later
   * doesn't. A small audience is served at once. A large one is served in chunks, and whatever else there is to do
   * goes between them: all large audiences together have so much time in a turn of the event loop. What follows for
   * the same room waits until it is there.
   */
  deliver(announcement: Announcement): void
  /** How many were let go because a room's queue was full; their readers see the gap in `seq`. */
  droppedCount(): number
}

const MAX_WAITING = 200

type Chunk = { event: string; argument: object | string; socketIds: string[] }

export type DeliveryLimits = Pick<RealtimeLimits, 'broadcastChunk' | 'broadcastTurnMs'>

export function createDelivery(
  namespace: Namespace,
  { broadcastChunk: chunkSize, broadcastTurnMs }: DeliveryLimits,
): Delivery {
  const { rooms } = namespace.adapter
  /** What waits, by audience, whose turn is next first: the chunks of one announcement after another's. */
  const queues = new Map<string, Chunk[][]>()
  let serving = false
  let dropped = 0

  const sizeOf = (names: string[]) => names.reduce((sum, name) => sum + (rooms.get(name)?.size ?? 0), 0)

  function sendAtOnce(announcement: Announcement): void {
    const { event, payload } = announcement
    for (const encoding of ENCODINGS) {
      const names = audienceOf(announcement, encoding)
      if (sizeOf(names) === 0) continue
      const except = exceptionsOf(announcement, encoding)
      namespace.to(names).except(except).emit(event, encode(payload, encoding))
    }
  }

  function chunksOf(announcement: Announcement): Chunk[] {
    const { event, payload } = announcement
    return ENCODINGS.flatMap((encoding) => {
      const members = (names: string[]) => names.flatMap((name) => [...(rooms.get(name) ?? [])])
      const except = new Set(members(exceptionsOf(announcement, encoding)))
      const socketIds = members(audienceOf(announcement, encoding)).filter((id) => !except.has(id))
      const argument = encode(payload, encoding)
      const chunks: Chunk[] = []
      for (let start = 0; start < socketIds.length; start += chunkSize)
        chunks.push({ event, argument, socketIds: socketIds.slice(start, start + chunkSize) })
      return chunks
    })
  }

  async function serve(): Promise<void> {
    serving = true
    while (queues.size > 0) {
      const endMs = performance.now() + broadcastTurnMs
      do sendChunk()
      while (queues.size > 0 && performance.now() < endMs)
      await new Promise(setImmediate)
    }
    serving = false
  }

  /** Of the first audience, which is the last then. */
  function sendChunk(): void {
    const [[key, queue] = []] = queues
    if (key === undefined || queue === undefined) return
    queues.delete(key)
    const [chunks = []] = queue
    const chunk = chunks.shift()
    // A socket is alone in the room of its own id.
    if (chunk !== undefined) namespace.to(chunk.socketIds).emit(chunk.event, chunk.argument)
    if (chunks.length === 0) queue.shift()
    if (queue.length > 0) queues.set(key, queue)
  }

  return {
    deliver(announcement) {
      const key = queueKeyOf(announcement)
      const queue = queues.get(key)
      const size = ENCODINGS.reduce((sum, encoding) => sum + sizeOf(audienceOf(announcement, encoding)), 0)
      if (queue === undefined && size <= chunkSize) return sendAtOnce(announcement)
      if (queue !== undefined && queue.length >= MAX_WAITING) {
        dropped += 1
        return
      }
      const chunks = chunksOf(announcement)
      if (queue !== undefined) queue.push(chunks)
      else queues.set(key, [chunks])
      if (!serving) void serve()
    },
    droppedCount: () => dropped,
  }
}

function audienceOf({ app, to }: Announcement, encoding: Encoding): string[] {
  return 'roomId' in to
    ? [roomName(app, to.roomId, encoding)]
    : to.userIds.map((userId) => userRoomName(app, userId, encoding))
}

function exceptionsOf({ app, to }: Announcement, encoding: Encoding): string[] {
  return 'roomId' in to && to.exceptUserId !== undefined ? [userRoomName(app, to.exceptUserId, encoding)] : []
}

function queueKeyOf({ app, to }: Announcement): string {
  return JSON.stringify('roomId' in to ? [app, to.roomId] : [app])
}
