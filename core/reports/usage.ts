import { freemem, totalmem } from 'node:os'
import { usageOf } from '../chat/app-usage.ts'
import type { ChatContext } from '../chat/context.ts'

const HOUR_MS = 3_600_000

/**
 * What an app did in the hour before `endMs`, in the words of the contract (its misspelling too). Keys are kept as
 * digests, so there is none to show. `userList` is always empty in what is known of the original.
 */
export async function presentUsage(
  chat: Pick<ChatContext, 'db' | 'connections'>,
  app: string,
  endMs: number,
): Promise<Record<string, unknown>> {
  const start = new Date(endMs - HOUR_MS)
  const end = new Date(endMs)
  const [usage, peak] = await Promise.all([usageOf(chat, app, { start, end }), chat.connections.peak(app)])
  return {
    clientKey: null,
    apiKey: null,
    clientId: app,
    startTime: start.getTime(),
    endTime: end.getTime(),
    start: start.toISOString(),
    end: end.toISOString(),
    userList: [],
    roomCount: usage.activeRooms,
    totalRoomCount: usage.rooms,
    messageCount: usage.messages,
    peakConnectionCount: peak,
    newUserCount: usage.newUsers,
    totalUserCount: usage.users,
    monthlyAcitiveUserCount: usage.monthlyUsers,
    totalMem: totalmem(),
    freeMem: freemem(),
  }
}
