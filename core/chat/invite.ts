import type { Queryable } from '../store/database.ts'
import {
  findInvitations,
  type InvitationRow,
  putInvitations,
  removeInvitations,
} from '../store/invitations.ts'
import { findMemberIds } from '../store/members.ts'
import type { MessageRow } from '../store/messages.ts'
import { appendOutbox } from '../store/outbox.ts'
import type { RoomRow } from '../store/rooms.ts'
import { findUsers } from '../store/users.ts'
import { announceRoom } from './announce.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'
import { expandGroups } from './groups.ts'
import type { Invitation } from './model.ts'
import { loadRooms, withoutView } from './populate.ts'
import { lockStanding, standing } from './room-access.ts'
import { postSystemMessage } from './system-message.ts'

/** Leaves pending invitations for those who are no members. The room is locked. */
export async function leaveInvitations(
  ctx: ChatContext,
  tx: Queryable,
  actor: Actor,
  room: RoomRow,
  inviteeIds: readonly string[],
): Promise<InvitationRow[]> {
  const inside = new Set(await findMemberIds(tx, room.app, room.id))
  const invitees = (await expandGroups(tx, room.app, inviteeIds)).filter((id) => !inside.has(id))
  const at = now(ctx)
  const rows = await putInvitations(tx, room.app, room.id, invitees, actor.userId, at)
  for (const { inviteeId, updatedAt } of rows) {
    const told = { userIds: [inviteeId], atMs: updatedAt.getTime() }
    await appendOutbox(tx, room.app, room.id, 'invited', told, at)
  }
  return rows
}

export async function announceInvitations(
  ctx: ChatContext,
  app: string,
  rows: InvitationRow[],
): Promise<void> {
  for (const invitation of await populateInvitations(ctx.db, app, rows))
    ctx.publish({ type: 'invited', app, to: { userIds: [invitation.invitee.id] }, invitation })
}

export async function myInvitations(ctx: ChatContext, actor: Actor): Promise<Invitation[]> {
  const inviteeId = actingUser(actor)
  return populateInvitations(ctx.db, actor.app, await findInvitations(ctx.db, actor.app, { inviteeId }))
}

export async function roomInvitations(ctx: ChatContext, actor: Actor, roomId: string): Promise<Invitation[]> {
  await standing(ctx.db, actor, roomId)
  return populateInvitations(ctx.db, actor.app, await findInvitations(ctx.db, actor.app, { roomId }))
}

/** @returns what is left of the user's invitations; there need not have been this one. */
export async function declineInvitation(
  ctx: ChatContext,
  actor: Actor,
  roomId: string,
): Promise<Invitation[]> {
  await removeInvitations(ctx.db, actor.app, roomId, [actingUser(actor)])
  return myInvitations(ctx, actor)
}

/** @returns what is left of the room's invitations. */
export async function cancelInvitations(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; inviteeIds: string[]; systemMessage: boolean },
): Promise<Invitation[]> {
  const { app } = actor
  const { cancelled, posted } = await ctx.db.transaction(async (tx) => {
    await lockStanding(tx, actor, input.roomId)
    const ids = await removeInvitations(tx, app, input.roomId, input.inviteeIds)
    if (ids.length > 0)
      await appendOutbox(tx, app, input.roomId, 'invitation-cancelled', { userIds: ids }, now(ctx))
    let rows: MessageRow[] = []
    if (input.systemMessage && ids.length > 0) {
      const subjects = await findUsers(tx, app, ids)
      const system = { type: 'cancelInvitations' as const, subjects }
      rows = await postSystemMessage(ctx, tx, app, input.roomId, actor.userId, system)
    }
    return { cancelled: ids, posted: rows }
  })
  if (posted.length > 0) await announceRoom(ctx, actor, input.roomId, { posted })
  if (cancelled.length > 0)
    ctx.publish({ type: 'invitation-cancelled', app, to: { userIds: cancelled }, roomId: input.roomId })
  return roomInvitations(ctx, actor, input.roomId)
}

export async function populateInvitations(
  q: Queryable,
  app: string,
  rows: InvitationRow[],
): Promise<Invitation[]> {
  const userIds = new Set(
    rows.flatMap((row) => [row.inviteeId, ...(row.inviterId === null ? [] : [row.inviterId])]),
  )
  const roomIds = [...new Set(rows.map((row) => row.roomId))]
  const [users, rooms] = await Promise.all([
    findUsers(q, app, [...userIds]),
    loadRooms(q, app, roomIds, undefined),
  ])
  const userById = new Map(users.map((user) => [user.id, user]))
  const roomById = new Map(rooms.map((room) => [room.id, withoutView(room)]))
  return rows.flatMap((row) => {
    const invitee = userById.get(row.inviteeId)
    const room = roomById.get(row.roomId)
    // The room was deleted between two of our queries, and its invitations with it.
    if (invitee === undefined || room === undefined) return []
    const inviter = row.inviterId === null ? undefined : userById.get(row.inviterId)
    return [{ room, invitee, inviter, createdAt: row.createdAt, updatedAt: row.updatedAt }]
  })
}
