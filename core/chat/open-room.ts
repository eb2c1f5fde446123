import { CoreError } from '../errors.ts'
import type { Queryable } from '../store/database.ts'
import type { InvitationRow } from '../store/invitations.ts'
import type { MessageRow } from '../store/messages.ts'
import {
  findPairRoom,
  findRooms,
  insertRoom,
  lockPair,
  type RoomFields,
  type RoomRow,
} from '../store/rooms.ts'
import { noteRoom } from '../store/user-traces.ts'
import { ensureUsers, findUsers } from '../store/users.ts'
import { announceRoom } from './announce.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import type { RoomType } from './create-room.ts'
import { directRoomId, meansPairRoom, type Pair, pairOf } from './direct-rooms.ts'
import { enterRoom, needsInvitation, requireMayInvite, requireOpenDoor } from './enter-room.ts'
import { announceInvitations, leaveInvitations } from './invite.ts'
import type { Room } from './model.ts'
import { lockForEntry } from './room-access.ts'
import { postSystemMessage, type SystemMessage, speaker } from './system-message.ts'

export type OpenRoomInput = {
  id?: string | undefined
  roomType: RoomType
  inviteeIds: string[]
  fields: RoomFields
  systemMessage: boolean
  invitationRequired?: boolean | undefined
}

/**
 * Opens a room, creating it where there is none: the actor joins, then the invitees (or they are invited). A customer's
 * server that acts for nobody stays outside.
 */
export async function openRoom(ctx: ChatContext, actor: Actor, input: OpenRoomInput): Promise<Room> {
  const { app } = actor
  const me = actor.userId === undefined ? [] : [actor.userId]
  const others = [...new Set(input.inviteeIds)].filter((id) => id !== actor.userId)
  const everyone = [...me, ...others]
  if (input.roomType === 'direct' && everyone.length > 2)
    throw new CoreError('INVALID_REQUEST', 'A direct room has two members.')
  const [one, other] = everyone
  const isPair = input.roomType === 'direct' && one !== undefined && other !== undefined
  const pair = isPair ? pairOf(one, other) : undefined
  await ensureUsers(ctx.db, app, everyone, now(ctx))
  const byInvitation = await needsInvitation(ctx, app)
  const opened = await ctx.db.transaction(async (tx) => {
    const id = await findOrInsert(ctx, tx, actor, input, pair)
    const where = await lockForEntry(tx, actor, id)
    await requireOpenDoor(tx, actor, where, byInvitation)
    if (others.length > 0 && where.member !== undefined) requireMayInvite(actor, where)
    const invites = where.room.roomType !== 'direct' && (input.invitationRequired ?? byInvitation)
    const { joined, reached } = await enterRoom(ctx, tx, actor, where.room, invites ? me : everyone)
    const invitations: InvitationRow[] = invites
      ? await leaveInvitations(ctx, tx, actor, where.room, others)
      : []
    const posted = input.systemMessage ? await postArrivals(ctx, tx, actor, where.room, joined) : []
    if (actor.userId !== undefined && joined.includes(actor.userId))
      await noteRoom(tx, app, actor.userId, now(ctx))
    return { id, joined: reached, invitations, posted }
  })
  const room = await announceRoom(ctx, actor, opened.id, opened)
  if (opened.invitations.length > 0) await announceInvitations(ctx, app, opened.invitations)
  return room
}

/**
 * A pair has one room however each of them computes its id. Where that id is taken by a room which is not theirs,
 * they get another: nobody may lie in wait under the id that two others will open.
 */
async function findOrInsert(
  ctx: ChatContext,
  tx: Queryable,
  { app, userId }: Actor,
  input: OpenRoomInput,
  pair: Pair | undefined,
): Promise<string> {
  const room = {
    ...input.fields,
    roomType: input.roomType,
    pair,
    ...(input.roomType !== 'direct' && userId !== undefined && { ownerId: userId }),
  }
  const at = now(ctx)
  if (pair === undefined || (input.id !== undefined && !meansPairRoom(input.id, pair))) {
    const id = input.id ?? ctx.newId()
    await insertRoom(tx, app, { ...room, id }, at)
    return id
  }
  await lockPair(tx, app, pair)
  const known = await findPairRoom(tx, app, pair)
  if (known !== undefined) return known
  const id = input.id ?? directRoomId(pair)
  if (await insertRoom(tx, app, { ...room, id }, at)) return id
  const another = ctx.newId()
  await insertRoom(tx, app, { ...room, id: another }, at)
  return another
}

async function postArrivals(
  ctx: ChatContext,
  tx: Queryable,
  actor: Actor,
  room: RoomRow,
  joined: string[],
): Promise<MessageRow[]> {
  const { app, userId } = actor
  const sender = speaker(actor, room, joined)
  const say = (system: SystemMessage) => postSystemMessage(ctx, tx, app, room.id, sender, system)
  const came = userId !== undefined && joined.includes(userId) ? await say({ type: 'joinRoom' }) : []
  const added = joined.filter((id) => id !== userId)
  if (added.length === 0) return came
  return [...came, ...(await say({ type: 'addMembers', subjects: await findUsers(tx, app, added) }))]
}

export async function roomExists(ctx: ChatContext, actor: Actor, roomId: string): Promise<boolean> {
  return (await findRooms(ctx.db, actor.app, [roomId])).length > 0
}
