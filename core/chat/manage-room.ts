import { CoreError } from '../errors.ts'
import type { Queryable } from '../store/database.ts'
import { findMember, findMemberIds, resetSortPositions, setProperties, setRole } from '../store/members.ts'
import { appendOutbox } from '../store/outbox.ts'
import { deleteRoom as deleteRoomRows, type RoomFields, updateRoom as updateRoomRow } from '../store/rooms.ts'
import { ensureUsers, findUsers } from '../store/users.ts'
import { announceRoom } from './announce.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import type { Room } from './model.ts'
import { isSuperuser, lockStanding, requireManager, type Standing } from './room-access.ts'
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
    await requireMayAppoint(tx, actor, where, fields)
    await updateRoomRow(tx, app, roomId, fields, at)
    if (fields.status !== undefined && fields.status !== where.room.status)
      await resetSortPositions(tx, app, roomId)
  })
  return announceRoom(ctx, actor, roomId, {})
}

/** Superusers appoint managers; the ownership is its owner's to give. Clients appoint members alone. */
async function requireMayAppoint(
  tx: Queryable,
  actor: Actor,
  { room, member }: Standing,
  { ownerId, managerIds }: RoomFields,
): Promise<void> {
  if (actor.kind === 'platform' || (ownerId === undefined && managerIds === undefined)) return
  if (!isSuperuser(actor, room, member)) throw new CoreError('PERMISSION_DENIED')
  if (
    ownerId !== undefined &&
    ownerId !== room.ownerId &&
    room.ownerId !== null &&
    room.ownerId !== actor.userId
  )
    throw new CoreError('PERMISSION_DENIED', 'The owner alone gives the room away.')
  const inside = new Set(await findMemberIds(tx, room.app, room.id))
  const appointed = [...(ownerId ? [ownerId] : []), ...(managerIds ?? [])]
  if (!appointed.every((id) => inside.has(id)))
    throw new CoreError('CLIENT_NOT_FOUND', 'It is not a member of this room.')
}

/** The bot's state is any member's to set: it is where a conversation with the bot stands. */
export async function setBotState(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; botState: string | null },
): Promise<Room> {
  await ctx.db.transaction(async (tx) => {
    await lockStanding(tx, actor, input.roomId)
    await updateRoomRow(tx, actor.app, input.roomId, { botState: input.botState }, now(ctx))
  })
  return announceRoom(ctx, actor, input.roomId, {})
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
    if (
      property === 'role' &&
      actor.kind === 'client' &&
      userId === where.room.ownerId &&
      userId !== actor.userId
    )
      throw new CoreError('PERMISSION_DENIED', 'The role of the owner is the owner’s.')
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
