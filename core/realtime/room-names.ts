import type { Encoding } from './encoding.ts'

/*
 * Names of Socket.IO rooms. Ids are arbitrary strings, so the parts are quoted, not joined by a separator; and
 * each audience is two rooms, one an encoding, so that a broadcast is encoded once for each.
 */

export const roomName = (app: string, roomId: string, encoding: Encoding): string =>
  JSON.stringify(['room', app, roomId, encoding])

export const userRoomName = (app: string, userId: string, encoding: Encoding): string =>
  JSON.stringify(['user', app, userId, encoding])
