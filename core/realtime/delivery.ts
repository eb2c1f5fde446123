import type { Namespace } from 'socket.io'
import type { Recipients } from '../chat/events.ts'
import { ENCODINGS, type Encoding, encode } from './encoding.ts'
import { roomName, userRoomName } from './room-names.ts'

/** An event on its way to the sockets of every core. */
export type Announcement = { app: string; to: Recipients; event: string; payload: object | string }

export type Delivery = {
  /**
   * Sends to this core's sockets of the audience, as it is now: who leaves later still hears it, who joins later
   * doesn't. A small audience is served at once. A large one is served in chunks, so that it doesn't hold up
   * everything else; what follows for the same room waits its turn.
   */
  deliver(announcement: Announcement): void
  /** How many were let go because a room's queue was full; their readers see the gap in `seq`. */
  droppedCount(): number
}

const MAX_WAITING = 200

type Chunk = { event: string; argument: object | string; socketIds: string[] }

export function createDelivery(namespace: Namespace, chunkSize: number): Delivery {
  const { rooms } = namespace.adapter
  /** What waits, by audience; an entry lives as long as its queue is being served. */
  const queues = new Map<string, Chunk[][]>()
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

  async function serve(key: string, queue: Chunk[][]): Promise<void> {
    for (let chunks = queue.shift(); chunks !== undefined; chunks = queue.shift())
      for (const { event, argument, socketIds } of chunks) {
        // A socket is alone in the room of its own id.
        namespace.to(socketIds).emit(event, argument)
        await new Promise(setImmediate)
      }
    queues.delete(key)
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
      else {
        const fresh = [chunks]
        queues.set(key, fresh)
        void serve(key, fresh)
      }
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
