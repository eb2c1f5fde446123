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
  const changeId = await ctx.db.transaction(async (tx) => {
    const where = await lockStanding(tx, actor, roomId)
    requireManager(actor, where)
    await requireMayAppoint(tx, actor, where, fields)
    await updateRoomRow(tx, app, roomId, fields, at)
    if (fields.status !== undefined && fields.status !== where.room.status)
      await resetSortPositions(tx, app, roomId)
    return queueRoomChange(ctx, tx, app, roomId)
  })
  return announceRoom(ctx, actor, roomId, { changeId })
}

/** So that it is told though this core die. @returns the change's name */
async function queueRoomChange(
  ctx: ChatContext,
  tx: Queryable,
  app: string,
  roomId: string,
): Promise<string> {
  const changeId = ctx.newId()
  await appendOutbox(tx, app, roomId, 'room-changed', { changeId }, now(ctx))
  return changeId
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
  const { app } = actor
  const { roomId, botState } = input
  const changeId = await ctx.db.transaction(async (tx) => {
    await lockStanding(tx, actor, roomId)
    await updateRoomRow(tx, app, roomId, { botState }, now(ctx))
    return queueRoomChange(ctx, tx, app, roomId)
  })
  return announceRoom(ctx, actor, roomId, { changeId })
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

/** Of one member, all together: every member reads them with the room. */
const MAX_PROPERTIES_LENGTH = 16_384
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
  const change = await ctx.db.transaction(async (tx) => {
    const where = await lockStanding(tx, actor, roomId)
    const member = await findMember(tx, app, roomId, userId)
    const changeId = await queueRoomChange(ctx, tx, app, roomId)
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
      const properties = { ...member.properties, [property]: value }
      if (JSON.stringify(properties).length > MAX_PROPERTIES_LENGTH)
        throw new CoreError(
          'INVALID_REQUEST',
          `A member has at most ${MAX_PROPERTIES_LENGTH} characters of them.`,
        )
      await setProperties(tx, app, roomId, userId, properties)
      return { changeId }
    }
    await setRole(tx, app, roomId, userId, value === 'admin' ? 'admin' : 'member')
    if (value !== 'admin' || member.role === 'admin') return { changeId }
    const subjects = await findUsers(tx, app, [userId])
    const sender = actor.userId ?? where.room.ownerId ?? userId
    const system = { type: 'assignAdmin' as const, subjects }
    return { changeId, posted: await postSystemMessage(ctx, tx, app, roomId, sender, system) }
  })
  return announceRoom(ctx, actor, roomId, change)
}
