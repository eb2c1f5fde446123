import { CoreError } from '../errors.ts'
import type { Queryable } from '../store/database.ts'
import { findInvitations, removeInvitations } from '../store/invitations.ts'
import { addMembers, findMemberIds } from '../store/members.ts'
import { appendOutbox } from '../store/outbox.ts'
import { setQuitted } from '../store/room-prefs.ts'
import type { RoomRow } from '../store/rooms.ts'
import type { Actor, ChatContext } from './context.ts'
import { now } from './context.ts'
import { admitGroups } from './groups.ts'
import { mayManage, type Standing } from './room-access.ts'

/** `joined` were let in; `reached` hear the room from now on, those of joined groups among them. */
export type Entry = { joined: string[]; reached: string[] }

const NOBODY: Entry = { joined: [], reached: [] }

/**
 * Makes users members of a locked room. The users exist already: creating them under the room's lock could deadlock.
 * @throws CoreError PERMISSION_DENIED where a direct room has its two.
 */
export async function enterRoom(
  ctx: ChatContext,
  tx: Queryable,
  actor: Actor,
  room: RoomRow,
  userIds: readonly string[],
): Promise<Entry> {
  if (userIds.length === 0) return NOBODY
  const at = now(ctx)
  if (room.roomType === 'direct') await refuseThird(tx, room, userIds)
  const joined = await addMembers(tx, room.app, room.id, userIds, at)
  await setQuitted(tx, room.app, joined, room.id, null, at)
  await removeInvitations(tx, room.app, room.id, joined)
  if (joined.length === 0) return NOBODY
  const reached = [...joined, ...(await admitGroups(tx, room, joined, at))]
  const entered = { userIds: joined, reached, by: actor.userId }
  await appendOutbox(tx, room.app, room.id, 'members-joined', entered, at)
  return { joined, reached }
}

async function refuseThird(tx: Queryable, room: RoomRow, userIds: readonly string[]): Promise<void> {
  const inside = new Set(room.pair ?? (await findMemberIds(tx, room.app, room.id)))
  for (const id of userIds) inside.add(id)
  if (inside.size > 2) throw new CoreError('PERMISSION_DENIED', 'A direct room has two members.')
}

/** Whether groups are entered by invitation where a request does not say. Not inside a transaction. */
export async function needsInvitation(ctx: ChatContext, app: string): Promise<boolean> {
  return (await ctx.configs.of(app)).invitationRequired ?? ctx.settings.invitationRequired
}

/** @throws CoreError PERMISSION_DENIED where the room is closed, or entered by invitation only and there is none */
export async function requireOpenDoor(
  tx: Queryable,
  actor: Actor,
  where: Standing,
  byInvitation: boolean,
): Promise<void> {
  if (actor.kind === 'platform' || where.member !== undefined) return
  const { room } = where
  if (room.opening === 0) throw new CoreError('PERMISSION_DENIED', 'The room is closed to new members.')
  if (!byInvitation || room.roomType === 'direct' || room.ownerId === actor.userId) return
  const invitations = await findInvitations(tx, room.app, { roomId: room.id, inviteeIds: [actor.userId] })
  if (invitations.length === 0) throw new CoreError('PERMISSION_DENIED', 'An invitation is needed.')
}

/** @throws CoreError PERMISSION_DENIED where the room is closed and the actor has no say in it */
export function requireMayInvite(actor: Actor, where: Standing): void {
  if (where.room.opening === 0 && !mayManage(actor, where))
    throw new CoreError('PERMISSION_DENIED', 'The room is closed to new members.')
}
