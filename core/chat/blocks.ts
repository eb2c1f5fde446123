/** Who may not speak where. A block of one's own silences both in their direct room; a ban silences one in a room. */
import { CoreError } from '../errors.ts'
import {
  type BlockRow,
  findBlocksBy,
  findBlocksOfRoom,
  isBlocked,
  putBlock,
  removeBlock as removeBlockRow,
} from '../store/blocks.ts'
import type { Queryable } from '../store/database.ts'
import { findMember } from '../store/members.ts'
import { findPairRoom, findRooms, type RoomRow } from '../store/rooms.ts'
import { findUsers } from '../store/users.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'
import { pairOf } from './direct-rooms.ts'
import type { Block } from './model.ts'
import { openRoom } from './open-room.ts'
import { standing } from './room-access.ts'

/** Blocks a user in the direct room of the two, which is made where there is none. */
export async function blockUser(ctx: ChatContext, actor: Actor, blockeeId: string): Promise<Block> {
  const { app } = actor
  const me = actingUser(actor)
  requireOther(me, blockeeId)
  await requireUser(ctx.db, app, blockeeId)
  const pair = pairOf(me, blockeeId)
  const roomId =
    (await findPairRoom(ctx.db, app, pair)) ??
    (
      await openRoom(ctx, actor, {
        roomType: 'direct',
        inviteeIds: [blockeeId],
        fields: {},
        systemMessage: false,
      })
    ).id
  return only(ctx, app, await putBlock(ctx.db, app, { roomId, blockeeId, blockerId: me }, now(ctx)))
}

export async function unblockUser(ctx: ChatContext, actor: Actor, blockeeId: string): Promise<Block> {
  const { app } = actor
  const roomId = await findPairRoom(ctx.db, app, pairOf(actingUser(actor), blockeeId))
  const row = roomId === undefined ? undefined : await removeBlockRow(ctx.db, app, roomId, blockeeId)
  if (row === undefined) throw new CoreError('BLOCK_NOT_FOUND')
  return only(ctx, app, row)
}

/** Bans from rooms are among them. */
export async function myBlocks(ctx: ChatContext, actor: Actor): Promise<Block[]> {
  return populateBlocks(ctx, actor.app, await findBlocksBy(ctx.db, actor.app, actingUser(actor)))
}

export async function banFromRoom(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; blockeeId: string },
): Promise<Block> {
  const { app } = actor
  const { roomId, blockeeId } = input
  const room = await requireModerator(ctx, actor, roomId)
  if (actor.userId !== undefined) requireOther(actor.userId, blockeeId)
  await requireUser(ctx.db, app, blockeeId)
  if (room.roomType === 'direct' && (await findMember(ctx.db, app, roomId, blockeeId)) === undefined)
    throw new CoreError('USER_NOT_FOUND', 'It is not one of the two.')
  return only(ctx, app, await putBlock(ctx.db, app, { roomId, blockeeId, blockerId: actor.userId }, now(ctx)))
}

export async function unbanFromRoom(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; blockeeId: string },
): Promise<Block> {
  const { app } = actor
  const room = await requireModerator(ctx, actor, input.roomId)
  // Who was blocked by the other one cannot take that back.
  if (room.roomType === 'direct' && actor.kind === 'client' && actor.userId === input.blockeeId)
    throw new CoreError('PERMISSION_DENIED')
  const row = await removeBlockRow(ctx.db, app, input.roomId, input.blockeeId)
  if (row === undefined) throw new CoreError('BLOCK_NOT_FOUND')
  return only(ctx, app, row)
}

export async function roomBlocks(ctx: ChatContext, actor: Actor, roomId: string): Promise<Block[]> {
  await requireModerator(ctx, actor, roomId)
  return populateBlocks(ctx, actor.app, await findBlocksOfRoom(ctx.db, actor.app, roomId))
}

/** For what speaks without being a new message. @throws CoreError PERMISSION_DENIED */
export async function requireVoice(q: Queryable, actor: Actor, room: RoomRow): Promise<void> {
  if (actor.kind === 'platform') return
  if (room.status === 0) throw new CoreError('PERMISSION_DENIED', 'The room is frozen.')
  if (await isBlocked(q, room.app, room.id, actor.userId)) throw silenced()
}

export const silenced = (): CoreError => new CoreError('PERMISSION_DENIED', 'A block stands against it.')

/** A group's owner; where it has none, every member; in a direct room either of the two. */
async function requireModerator(ctx: ChatContext, actor: Actor, roomId: string): Promise<RoomRow> {
  const { room } = await standing(ctx.db, actor, roomId)
  const isOwners = room.roomType !== 'direct' && room.ownerId !== null
  if (actor.kind === 'client' && isOwners && room.ownerId !== actor.userId)
    throw new CoreError('PERMISSION_DENIED', 'The owner alone blocks.')
  return room
}

function requireOther(me: string, blockeeId: string): void {
  if (me === blockeeId) throw new CoreError('SELF_BLOCK_FORBIDDEN')
}

async function requireUser(q: Queryable, app: string, id: string): Promise<void> {
  if ((await findUsers(q, app, [id])).length === 0) throw new CoreError('USER_NOT_FOUND')
}

async function only(ctx: ChatContext, app: string, row: BlockRow): Promise<Block> {
  const [block] = await populateBlocks(ctx, app, [row])
  if (block === undefined) throw new CoreError('ROOM_NOT_FOUND')
  return block
}

async function populateBlocks(ctx: ChatContext, app: string, rows: BlockRow[]): Promise<Block[]> {
  const userIds = new Set(rows.flatMap((row) => [row.blockeeId, row.blockerId].flatMap((id) => id ?? [])))
  const [users, rooms] = await Promise.all([
    findUsers(ctx.db, app, [...userIds]),
    findRooms(ctx.db, app, [...new Set(rows.map((row) => row.roomId))]),
  ])
  const userById = new Map(users.map((user) => [user.id, user]))
  const roomById = new Map(rooms.map((room) => [room.id, room]))
  return rows.flatMap((row) => {
    const blockee = userById.get(row.blockeeId)
    const room = roomById.get(row.roomId)
    // The room was deleted between two of our queries, and its blocks with it.
    if (blockee === undefined || room === undefined) return []
    const blocker = row.blockerId === null ? undefined : userById.get(row.blockerId)
    const { createdAt, updatedAt } = row
    const { id, roomType } = room
    return [
      { app, blockee, blocker, room: { id, roomType, createdAt: room.createdAt }, createdAt, updatedAt },
    ]
  })
}
