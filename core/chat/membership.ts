import { CoreError } from '../errors.ts'
import type { InvitationRow } from '../store/invitations.ts'
import { removeMembers as deleteMembers, findRoomIds } from '../store/members.ts'
import type { MessageRow } from '../store/messages.ts'
import { appendOutbox } from '../store/outbox.ts'
import { setQuitted } from '../store/room-prefs.ts'
import { noteRoom } from '../store/user-traces.ts'
import { ensureUsers, findUsers } from '../store/users.ts'
import { announceRoom } from './announce.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'
import { enterRoom, needsInvitation, requireMayInvite, requireOpenDoor } from './enter-room.ts'
import { dismissGroups } from './groups.ts'
import { announceInvitations, leaveInvitations } from './invite.ts'
import type { Room } from './model.ts'
import { lockForEntry, lockStanding, requireManager } from './room-access.ts'
import { postSystemMessage, type SystemMessage, speaker } from './system-message.ts'

export async function joinRoom(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; systemMessage: boolean },
): Promise<Room> {
  const me = actingUser(actor)
  const { app } = actor
  await ensureUsers(ctx.db, app, [me], now(ctx))
  const byInvitation = await needsInvitation(ctx, app)
  const change = await ctx.db.transaction(async (tx) => {
    const where = await lockForEntry(tx, actor, input.roomId)
    await requireOpenDoor(tx, actor, where, byInvitation)
    const { joined, reached } = await enterRoom(ctx, tx, actor, where.room, [me])
    const says = input.systemMessage && joined.length > 0
    const posted = says ? await postSystemMessage(ctx, tx, app, input.roomId, me, { type: 'joinRoom' }) : []
    if (joined.length > 0) await noteRoom(tx, app, me, now(ctx))
    return { joined: reached, posted }
  })
  return announceRoom(ctx, actor, input.roomId, change)
}

export type AddMembersInput = {
  roomId: string
  userIds: readonly string[]
  systemMessage: boolean
  invitationRequired?: boolean | undefined
  /** The old form for one member has a system message of its own. */
  messageType: 'addMember' | 'addMembers'
}

export async function addMembers(ctx: ChatContext, actor: Actor, input: AddMembersInput): Promise<Room> {
  const { app } = actor
  const userIds = [...new Set(input.userIds)]
  await ensureUsers(ctx.db, app, userIds, now(ctx))
  const byInvitation = await needsInvitation(ctx, app)
  const change = await ctx.db.transaction(async (tx) => {
    const where = await lockStanding(tx, actor, input.roomId)
    requireMayInvite(actor, where)
    const invites = where.room.roomType !== 'direct' && (input.invitationRequired ?? byInvitation)
    if (invites) {
      const invitations = await leaveInvitations(ctx, tx, actor, where.room, userIds)
      return { joined: [], posted: [], invitations }
    }
    const { joined, reached } = await enterRoom(ctx, tx, actor, where.room, userIds)
    const says = input.systemMessage && joined.length > 0
    const subjects = says ? await findUsers(tx, app, joined) : []
    const posted = says
      ? await postSystemMessage(ctx, tx, app, input.roomId, speaker(actor, where.room, joined), {
          type: input.messageType,
          subjects,
        })
      : []
    const invitations: InvitationRow[] = []
    return { joined: reached, posted, invitations }
  })
  const room = await announceRoom(ctx, actor, input.roomId, change)
  if (change.invitations.length > 0) await announceInvitations(ctx, app, change.invitations)
  return room
}

/** Oneself in the list means leaving; others are removed by those who manage the room. */
export async function removeMembers(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; userIds: string[]; systemMessage: boolean },
): Promise<Room> {
  const { app } = actor
  const at = now(ctx)
  const change = await ctx.db.transaction(async (tx) => {
    const where = await lockStanding(tx, actor, input.roomId)
    const leaves = actor.userId !== undefined && input.userIds.includes(actor.userId)
    const others = input.userIds.filter((id) => id !== actor.userId)
    if (others.length > 0) requireManager(actor, where)
    if (actor.kind === 'client' && others.some((id) => id === where.room.ownerId))
      throw new CoreError('PERMISSION_DENIED', 'Nobody removes the owner.')
    const left = await deleteMembers(tx, app, input.roomId, [...new Set(input.userIds)], at)
    if (left.length === 0) return { left, posted: [] }
    const outside = await dismissGroups(tx, where.room, left, at)
    await setQuitted(tx, app, outside, input.roomId, at, at)
    const gone = { userIds: left, reached: outside, by: actor.userId }
    await appendOutbox(tx, app, input.roomId, 'members-removed', gone, at)
    const posted: MessageRow[] = []
    const say = async (system: SystemMessage) => {
      const sender = speaker(actor, where.room, left)
      posted.push(...(await postSystemMessage(ctx, tx, app, input.roomId, sender, system)))
    }
    const subjects = input.systemMessage ? await findUsers(tx, app, left) : []
    const removed = subjects.filter((user) => user.id !== actor.userId)
    if (removed.length > 0) await say({ type: 'deleteMember', subjects: removed })
    if (leaves && subjects.length > removed.length) await say({ type: 'leaveRoom' })
    return { left: outside, posted }
  })
  return announceRoom(ctx, actor, input.roomId, change)
}

/** Every room whose events reach the user's sockets. */
export const roomIdsOf = (ctx: ChatContext, app: string, userId: string): Promise<string[]> =>
  findRoomIds(ctx.db, app, userId)
