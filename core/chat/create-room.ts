import { CoreError } from '../errors.ts'
import { insertRoom, type RoomFields, updateRoom } from '../store/rooms.ts'
import { noteRoom } from '../store/user-traces.ts'
import { ensureUsers, findUsers } from '../store/users.ts'
import { announceRoom, type RoomChange } from './announce.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import { directRoomId, pairOf } from './direct-rooms.ts'
import { enterRoom } from './enter-room.ts'
import type { Room } from './model.ts'
import { lockForEntry } from './room-access.ts'
import { postSystemMessage, speaker } from './system-message.ts'

export type RoomType = Room['roomType']

export type CreateRoomInput = {
  id?: string | undefined
  roomType: RoomType
  memberIds: string[]
  /** A client's room is its own, whatever it says. */
  ownerId?: string | undefined
  fields: RoomFields
  systemMessage?: boolean | undefined
}

/**
 * Creates a room and lets its members in; who creates it stays outside. A room of this id is answered as it is,
 * with the members added if a customer's server asks.
 */
export async function createRoom(ctx: ChatContext, actor: Actor, input: CreateRoomInput): Promise<Room> {
  const { app } = actor
  const at = now(ctx)
  const memberIds = [...new Set(input.memberIds)]
  const pair = input.roomType === 'direct' ? directPair(actor, memberIds) : undefined
  const ownerId = actor.kind === 'client' ? actor.userId : input.ownerId
  await ensureUsers(ctx.db, app, [...memberIds, ...(ownerId === undefined ? [] : [ownerId])], at)
  const id = input.id ?? (pair && directRoomId(pair)) ?? ctx.newId()
  const change = await ctx.db.transaction(async (tx): Promise<RoomChange> => {
    const created = await insertRoom(tx, app, { ...input.fields, id, roomType: input.roomType, pair }, at)
    const where = await lockForEntry(tx, actor, id)
    if (!created && actor.kind === 'client' && where.member === undefined)
      throw new CoreError('NOT_ROOM_MEMBER')
    if (!created && actor.kind === 'client') return {}
    if (created && ownerId !== undefined && input.roomType !== 'direct')
      await updateRoom(tx, app, id, { ownerId }, at)
    const { joined, reached } = await enterRoom(ctx, tx, actor, where.room, memberIds)
    const posted =
      input.systemMessage === true && joined.length > 0
        ? await postSystemMessage(ctx, tx, app, id, speaker(actor, where.room, joined), {
            type: 'addMembers',
            subjects: await findUsers(tx, app, joined),
          })
        : []
    if (created && actor.userId !== undefined) await noteRoom(tx, app, actor.userId, at)
    return { joined: reached, posted }
  })
  return announceRoom(ctx, actor, id, change)
}

/** A room between two others would let its maker listen to them. */
function directPair(actor: Actor, memberIds: string[]) {
  const [a, b] = memberIds
  if (memberIds.length > 2) throw new CoreError('INVALID_REQUEST', 'A direct room has two members.')
  if (actor.kind === 'client' && memberIds.length > 0 && !memberIds.includes(actor.userId))
    throw new CoreError('PERMISSION_DENIED', 'A direct room is made by one of its two.')
  return a === undefined || b === undefined ? undefined : pairOf(a, b)
}
