import type { Namespace } from 'socket.io'
import type { Recipients } from '../chat/events.ts'
import { ENCODINGS, type Encoding, encode } from './encoding.ts'
import type { RealtimeLimits } from './limits.ts'
import { type Packet, packetOf } from './packet.ts'
import { roomName, userRoomName } from './room-names.ts'

/** An event on its way to the sockets of every core. */
export type Announcement = {
  app: string
  to: Recipients
  event: string
  payload: object | string
  /** Whom to tell instead where so much waits for the audience that it would come too late to be of use. */
  whenBusy?: Recipients
}

export type Delivery = {
  /**
   * Sends to this core's sockets of the audience, as it is now: who leaves later still hears it, who joins later
   * doesn't. A small audience is served at once. A large one is served in chunks, and whatever else there is to do
   * goes between them: all large audiences together have so much time in a turn of the event loop. What follows for
   * the same room waits until it is there; where too much waits the oldest is let go, so that the newest `seq` shows
   * everybody the gap. Of a room's own states only the latest waits.
   */
  deliver(announcement: Announcement): void
  /** How many were let go because too much waited for their audience. */
  droppedCount(): number
}

/** For one audience. To 5 000 sockets so many take about a quarter of a minute. */
const MAX_WAITING = 200
/** To 5 000 sockets about a second. */
const BUSY_WAITING = 10

type Chunk = { packet: Packet; socketIds: string[] }
type Waiting = { event: string; chunks: Chunk[] }

export type DeliveryLimits = Pick<RealtimeLimits, 'broadcastChunk' | 'broadcastTurnMs'>

export function createDelivery(
  namespace: Namespace,
  { broadcastChunk: chunkSize, broadcastTurnMs }: DeliveryLimits,
): Delivery {
  const { rooms } = namespace.adapter
  /** What waits, by audience, whose turn is next first. The first of each may be half told. */
  const queues = new Map<string, Waiting[]>()
  let serving = false
  let dropped = 0

  const socketIdsIn = (names: string[]) => new Set(names.flatMap((name) => [...(rooms.get(name) ?? [])]))

  function chunksOf(announcement: Announcement): Chunk[] {
    const { event, payload } = announcement
    return ENCODINGS.flatMap((encoding) => {
      const except = socketIdsIn(exceptionsOf(announcement, encoding))
      const audience = socketIdsIn(audienceOf(announcement, encoding))
      const socketIds = [...audience].filter((id) => !except.has(id))
      if (socketIds.length === 0) return []
      const packet = packetOf(event, encode(payload, encoding))
      const chunks: Chunk[] = []
      for (let start = 0; start < socketIds.length; start += chunkSize)
        chunks.push({ packet, socketIds: socketIds.slice(start, start + chunkSize) })
      return chunks
    })
  }

  function send({ packet: { text, options }, socketIds }: Chunk): void {
    for (const id of socketIds) namespace.sockets.get(id)?.conn.write(text, options)
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
    const [waiting] = queue
    const chunk = waiting?.chunks.shift()
    if (chunk !== undefined) send(chunk)
    if (waiting?.chunks.length === 0) queue.shift()
    if (queue.length > 0) queues.set(key, queue)
  }

  function makeWay(queue: Waiting[], event: string): void {
    const superseded = event === 'room' ? queue.findLastIndex((waiting) => waiting.event === 'room') : 0
    if (superseded > 0) queue.splice(superseded, 1)
    else if (queue.length >= MAX_WAITING) {
      queue.splice(1, 1)
      dropped += 1
    }
  }

  function deliver(announcement: Announcement): void {
    const { app, event, payload, whenBusy } = announcement
    const key = queueKeyOf(announcement)
    const queue = queues.get(key)
    if (whenBusy !== undefined && queue !== undefined && queue.length >= BUSY_WAITING) {
      deliver({ app, to: whenBusy, event, payload })
      return
    }
    const chunks = chunksOf(announcement)
    const size = chunks.reduce((sum, { socketIds }) => sum + socketIds.length, 0)
    if (size === 0) return
    if (queue === undefined && size <= chunkSize) {
      for (const chunk of chunks) send(chunk)
      return
    }
    if (queue === undefined) queues.set(key, [{ event, chunks }])
    else {
      makeWay(queue, event)
      queue.push({ event, chunks })
    }
    if (!serving) void serve()
  }

  return { deliver, droppedCount: () => dropped }
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
