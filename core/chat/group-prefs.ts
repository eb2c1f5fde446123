/** What a group says of a room, for all of its users. Told to the sockets of the one who says it. */
import { CoreError } from '../errors.ts'
import { findGroupMembership } from '../store/groups.ts'
import {
  findAllRoomPrefs,
  findRoomPrefs,
  mergeRoomPref,
  type PrefKey,
  type RoomPrefChange,
  resetRoomPref,
} from '../store/room-prefs.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'
import type { RoomPref } from './model.ts'
import { tellRoomPref } from './prefs.ts'

export async function updateGroupPref(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; groupId: string; change: RoomPrefChange },
): Promise<RoomPref> {
  const owner = await prefOwner(ctx, actor, input.groupId)
  const pref = await mergeRoomPref(ctx.db, actor.app, owner, input.roomId, input.change, now(ctx))
  return actor.userId === undefined ? pref : tellRoomPref(ctx, actor.app, actor.userId, input.roomId)
}

export async function removeGroupPref(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; groupId: string; key: PrefKey },
): Promise<RoomPref> {
  const { app } = actor
  const owner = await prefOwner(ctx, actor, input.groupId)
  await resetRoomPref(ctx.db, app, owner, input.roomId, input.key, now(ctx))
  if (actor.userId !== undefined) return tellRoomPref(ctx, app, actor.userId, input.roomId)
  const [pref] = await findRoomPrefs(ctx.db, app, owner, [input.roomId])
  if (pref === undefined) throw new CoreError('ROOM_NOT_FOUND')
  return pref
}

export async function listGroupPrefs(ctx: ChatContext, actor: Actor, groupId: string): Promise<RoomPref[]> {
  return findAllRoomPrefs(ctx.db, actor.app, await prefOwner(ctx, actor, groupId))
}

/**
 * A group is a user, and its preferences are kept as any user's. One of the shipped clients names the room tag that
 * its list is filtered by instead of a group: what is said under the name of no group is the user's own word.
 */
async function prefOwner(ctx: ChatContext, actor: Actor, groupId: string): Promise<string> {
  const inside = await findGroupMembership(ctx.db, actor.app, groupId, actor.userId)
  if (inside === undefined && actor.userId === undefined)
    throw new CoreError('CLIENT_NOT_FOUND', 'There is no such group.')
  if (inside === undefined) return actingUser(actor)
  if (!inside && actor.kind === 'client')
    throw new CoreError('PERMISSION_DENIED', 'It is not a group of yours.')
  return groupId
}
