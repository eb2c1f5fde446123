import { findQuittedRooms } from '../store/room-prefs.ts'
import { findRooms, type RoomRow } from '../store/rooms.ts'
import { type Actor, actingUser, type ChatContext } from './context.ts'
import type { RoomPref } from './model.ts'

const MAX_ROOMS = 1_000

/** What one may still see of a room that one is out of: what it is called, and when that was. */
export type QuittedRoom = { room: RoomRow; pref: RoomPref }

export async function quittedRooms(ctx: ChatContext, actor: Actor): Promise<QuittedRoom[]> {
  const prefs = await findQuittedRooms(ctx.db, actor.app, actingUser(actor), MAX_ROOMS)
  const rooms = await findRooms(
    ctx.db,
    actor.app,
    prefs.map((pref) => pref.roomId),
  )
  const roomById = new Map(rooms.map((room) => [room.id, room]))
  return prefs.flatMap((pref) => {
    const room = roomById.get(pref.roomId)
    return room === undefined ? [] : [{ room, pref }]
  })
}
