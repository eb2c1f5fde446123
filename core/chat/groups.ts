/** Groups of users that a room has as one member: whoever is in the group is then in the room. */
import { CoreError } from '../errors.ts'
import type { Queryable } from '../store/database.ts'
import {
  changeRoomGroups,
  findGroupMembers,
  holdGroups,
  listGroups as listGroupRows,
  setGroupMembers,
  syncGroupMembers,
  upsertGroup,
} from '../store/groups.ts'
import { findRoomIds } from '../store/members.ts'
import { appendOutbox } from '../store/outbox.ts'
import { lockRoom, type RoomRow } from '../store/rooms.ts'
import { ensureUsers } from '../store/users.ts'
import { announceRoom, type RoomChange } from './announce.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import type { User } from './model.ts'

export type GroupInput = {
  id: string | undefined
  nickname: string
  avatarUrl: string | null | undefined
  /** Absent = as they are. */
  memberIds: string[] | undefined
}

/** Creates or updates a group; those who come and go do so in all of its rooms, in the same commit. */
export async function putGroup(ctx: ChatContext, actor: Actor, input: GroupInput): Promise<User> {
  const { app } = actor
  const at = now(ctx)
  const id = input.id ?? ctx.newId()
  const memberIds = input.memberIds && [...new Set(input.memberIds)]
  if (memberIds !== undefined) await ensureUsers(ctx.db, app, memberIds, at)
  const { group, changes } = await ctx.db.transaction(async (tx) => {
    const { nickname, avatarUrl } = input
    const group = await upsertGroup(tx, app, { id, nickname, avatarUrl }, at)
    if (group === undefined) throw new CoreError('USER_EXISTS')
    if (memberIds === undefined) return { group, changes: [] }
    if ((await holdGroups(tx, app, memberIds)).length > 0)
      throw new CoreError('INVALID_REQUEST', 'A group has no groups in it.')
    await setGroupMembers(tx, app, id, memberIds)
    return { group, changes: await syncRooms(tx, app, id, at) }
  })
  for (const { roomId, change } of changes) await announceRoom(ctx, actor, roomId, change)
  return withMembers(ctx, app, group)
}

/** In one order, so that two groups of the same rooms cannot wait for each other. */
async function syncRooms(tx: Queryable, app: string, groupId: string, at: Date) {
  const changes: Array<{ roomId: string; change: RoomChange }> = []
  for (const roomId of (await findRoomIds(tx, app, groupId)).sort()) {
    if ((await lockRoom(tx, app, roomId)) === undefined) continue
    const { came, went } = await syncGroupMembers(tx, app, roomId, at)
    // Nobody was added to the room or removed from it: the group is inside as before.
    if (came.length > 0)
      await appendOutbox(tx, app, roomId, 'members-joined', { userIds: [], reached: came }, at)
    if (went.length > 0)
      await appendOutbox(tx, app, roomId, 'members-removed', { userIds: [], reached: went }, at)
    if (came.length + went.length > 0) changes.push({ roomId, change: { joined: came, left: went } })
  }
  return changes
}

export async function listGroups(
  ctx: ChatContext,
  actor: Actor,
  limit: number,
): Promise<{ totalCount: number; groups: User[] }> {
  const { totalCount, groups } = await listGroupRows(ctx.db, actor.app, limit)
  const members = await findGroupMembers(
    ctx.db,
    actor.app,
    groups.map((group) => group.id),
  )
  return {
    totalCount,
    groups: groups.map((group) => ({ ...group, groupMembers: members.get(group.id) ?? [] })),
  }
}

async function withMembers(ctx: ChatContext, app: string, group: User): Promise<User> {
  const members = await findGroupMembers(ctx.db, app, [group.id])
  return { ...group, groupMembers: members.get(group.id) ?? [] }
}

/** After users were let into a locked room: where groups are among them, so are theirs. @returns who came by that */
export async function admitGroups(
  tx: Queryable,
  room: RoomRow,
  joined: readonly string[],
  at: Date,
): Promise<string[]> {
  const groupIds = await holdGroups(tx, room.app, joined)
  if (groupIds.length === 0) return []
  await changeRoomGroups(tx, room.app, room.id, { added: groupIds, removed: [] })
  return (await syncGroupMembers(tx, room.app, room.id, at)).came
}

/** After members were taken out of a locked room. @returns who is out of it: some may still be inside by a group */
export async function dismissGroups(
  tx: Queryable,
  room: RoomRow,
  left: readonly string[],
  at: Date,
): Promise<string[]> {
  if (room.groupIds.length === 0) return [...left]
  const removed = room.groupIds.filter((id) => left.includes(id))
  if (removed.length > 0) await changeRoomGroups(tx, room.app, room.id, { added: [], removed })
  const { came, went } = await syncGroupMembers(tx, room.app, room.id, at)
  return [...left.filter((id) => !came.includes(id)), ...went]
}

/** Nobody can accept an invitation for a group, so each of its users is invited. */
export async function expandGroups(tx: Queryable, app: string, ids: readonly string[]): Promise<string[]> {
  const members = await findGroupMembers(tx, app, ids)
  const users = ids.flatMap((id) => members.get(id)?.map((user) => user.id) ?? [id])
  return [...new Set(users)]
}
