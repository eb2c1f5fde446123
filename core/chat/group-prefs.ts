/** What a group says of a room, for all of its users, and told to all of them. */
import { CoreError } from '../errors.ts'
import { findGroupMembers, findGroupMembership } from '../store/groups.ts'
import {
  findAllRoomPrefs,
  findRoomPrefs,
  findRoomPrefsOfUsers,
  mergeRoomPref,
  type PrefKey,
  type RoomPrefChange,
  resetRoomPref,
} from '../store/room-prefs.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'
import type { RoomPref } from './model.ts'

export async function updateGroupPref(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; groupId: string; change: RoomPrefChange },
): Promise<RoomPref> {
  const owner = await prefOwner(ctx, actor, input.groupId)
  const pref = await mergeRoomPref(ctx.db, actor.app, owner, input.roomId, input.change, now(ctx))
  return (await tellAll(ctx, actor, owner, input.roomId)) ?? pref
}

export async function removeGroupPref(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; groupId: string; key: PrefKey },
): Promise<RoomPref> {
  const { app } = actor
  const owner = await prefOwner(ctx, actor, input.groupId)
  await resetRoomPref(ctx.db, app, owner, input.roomId, input.key, now(ctx))
  const mine = await tellAll(ctx, actor, owner, input.roomId)
  if (mine !== undefined) return mine
  const [pref] = await findRoomPrefs(ctx.db, app, owner, [input.roomId])
  if (pref === undefined) throw new CoreError('ROOM_NOT_FOUND')
  return pref
}

/** To each the whole of what holds for them. @returns the actor's */
async function tellAll(
  ctx: ChatContext,
  actor: Actor,
  owner: string,
  roomId: string,
): Promise<RoomPref | undefined> {
  const { app, userId } = actor
  const users = (await findGroupMembers(ctx.db, app, [owner])).get(owner) ?? []
  const userIds = new Set(users.map((user) => user.id))
  if (userId !== undefined) userIds.add(userId)
  const prefs = await findRoomPrefsOfUsers(ctx.db, app, [...userIds], roomId)
  for (const alike of Map.groupBy(prefs, ([, pref]) => JSON.stringify(pref)).values()) {
    const [[, pref] = []] = alike
    const to = { userIds: alike.map(([id]) => id) }
    if (pref !== undefined) ctx.publish({ type: 'room-pref-changed', app, to, pref })
  }
  return userId === undefined ? undefined : prefs.get(userId)
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
