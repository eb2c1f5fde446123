import { CoreError } from '../errors.ts'
import { findMember, findMemberIds, resetSortPositions, setProperties, setRole } from '../store/members.ts'
import { appendOutbox } from '../store/outbox.ts'
import { deleteRoom as deleteRoomRows, type RoomFields, updateRoom as updateRoomRow } from '../store/rooms.ts'
import { ensureUsers, findUsers } from '../store/users.ts'
import { announceRoom } from './announce.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import type { Room } from './model.ts'
import { isSuperuser, lockStanding, requireManager } from './room-access.ts'
import { postSystemMessage } from './system-message.ts'

export async function updateRoom(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; fields: RoomFields },
): Promise<Room> {
  const { app } = actor
  const { roomId, fields } = input
  const at = now(ctx)
  if (typeof fields.ownerId === 'string') await ensureUsers(ctx.db, app, [fields.ownerId], at)
  await ctx.db.transaction(async (tx) => {
    const where = await lockStanding(tx, actor, roomId)
    requireManager(actor, where)
    const appoints = fields.ownerId !== undefined || fields.managerIds !== undefined
    if (appoints && !isSuperuser(actor, where.room, where.member)) throw new CoreError('PERMISSION_DENIED')
    await updateRoomRow(tx, app, roomId, fields, at)
    if (fields.status !== undefined && fields.status !== where.room.status)
      await resetSortPositions(tx, app, roomId)
  })
  return announceRoom(ctx, actor, roomId, {})
}

/** Takes the room and its messages away. */
export async function deleteRoom(ctx: ChatContext, actor: Actor, roomId: string): Promise<void> {
  const { app } = actor
  const userIds = await ctx.db.transaction(async (tx) => {
    requireManager(actor, await lockStanding(tx, actor, roomId))
    const members = await findMemberIds(tx, app, roomId)
    await deleteRoomRows(tx, app, roomId)
    const left = { userIds: members, by: actor.userId }
    if (members.length > 0) await appendOutbox(tx, app, roomId, 'members-removed', left, now(ctx))
    return members
  })
  ctx.publish({ type: 'members-left', app, to: { roomId }, roomId, userIds })
}

const RESERVED_PROPERTIES = new Set(['client', 'badge', 'lastRead', '__proto__'])

/** The role is given by those who manage the room; any other property by any member. */
export async function setMemberProperty(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; userId: string; property: string; value: unknown },
): Promise<Room> {
  const { app } = actor
  const { roomId, userId, property, value } = input
  if (RESERVED_PROPERTIES.has(property))
    throw new CoreError('INVALID_REQUEST', `"${property}" cannot be written.`)
  if (property === 'role' && value !== 'admin' && value !== 'member')
    throw new CoreError('INVALID_REQUEST', 'A role is "admin" or "member".')
  const posted = await ctx.db.transaction(async (tx) => {
    const where = await lockStanding(tx, actor, roomId)
    const member = await findMember(tx, app, roomId, userId)
    if (property === 'role') requireManager(actor, where)
    if (member === undefined) throw new CoreError('CLIENT_NOT_FOUND', 'It is not a member of this room.')
    if (property !== 'role') {
      await setProperties(tx, app, roomId, userId, { ...member.properties, [property]: value })
      return []
    }
    await setRole(tx, app, roomId, userId, value === 'admin' ? 'admin' : 'member')
    if (value !== 'admin' || member.role === 'admin') return []
    const subjects = await findUsers(tx, app, [userId])
    const sender = actor.userId ?? where.room.ownerId ?? userId
    return postSystemMessage(ctx, tx, app, roomId, sender, { type: 'assignAdmin', subjects })
  })
  return announceRoom(ctx, actor, roomId, { posted })
}
