import { CoreError } from '../errors.ts'
import {
  defaultRoomPref,
  findAllRoomPrefs,
  findRoomPrefs,
  mergeRoomPref,
  type PrefKey,
  type RoomPrefChange,
  resetRoomPref,
} from '../store/room-prefs.ts'
import { deleteUserPref, findUserPrefs, putUserPref, type UserPref } from '../store/user-prefs.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'
import type { RoomPref } from './model.ts'

/** A user's view of a room, whether or not there is such a room. */
export async function updateRoomPref(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; change: RoomPrefChange },
): Promise<RoomPref> {
  const { app } = actor
  const userId = actingUser(actor)
  await mergeRoomPref(ctx.db, app, userId, input.roomId, input.change, now(ctx))
  return tellRoomPref(ctx, app, userId, input.roomId)
}

export async function removeRoomPref(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; key: PrefKey },
): Promise<RoomPref> {
  const { app } = actor
  const userId = actingUser(actor)
  await resetRoomPref(ctx.db, app, userId, input.roomId, input.key, now(ctx))
  return tellRoomPref(ctx, app, userId, input.roomId)
}

/** Clients replace what they had by what they are told: all of it, with what the user's groups say. */
export async function tellRoomPref(
  ctx: ChatContext,
  app: string,
  userId: string,
  roomId: string,
): Promise<RoomPref> {
  const [known] = await findRoomPrefs(ctx.db, app, userId, [roomId])
  const pref = known ?? defaultRoomPref(roomId)
  ctx.publish({ type: 'room-pref-changed', app, to: { userIds: [userId] }, pref })
  return pref
}

export const listRoomPrefs = (ctx: ChatContext, actor: Actor): Promise<RoomPref[]> =>
  findAllRoomPrefs(ctx.db, actor.app, actingUser(actor))

export const listPrefs = (ctx: ChatContext, actor: Actor): Promise<UserPref[]> =>
  findUserPrefs(ctx.db, actor.app, actingUser(actor))

/** Of one user: they are answered all at once. */
const PREF_LIMITS = { keys: 1_000, bytes: 4 * 1_048_576 }

export async function putPref(ctx: ChatContext, actor: Actor, pref: UserPref): Promise<UserPref> {
  const { app } = actor
  const userId = actingUser(actor)
  if (!(await putUserPref(ctx.db, app, userId, pref, PREF_LIMITS, now(ctx))))
    throw new CoreError('PAYLOAD_TOO_LARGE', 'A user keeps at most 1000 preferences of 4 MiB together.')
  ctx.publish({ type: 'my-pref-changed', app, to: { userIds: [userId] }, ...pref })
  return pref
}

export async function deletePref(ctx: ChatContext, actor: Actor, key: string): Promise<void> {
  const { app } = actor
  const userId = actingUser(actor)
  await deleteUserPref(ctx.db, app, userId, key)
  ctx.publish({ type: 'my-pref-deleted', app, to: { userIds: [userId] }, key })
}
