/** Who may do what in a room. */
import { CoreError } from '../errors.ts'
import type { Queryable } from '../store/database.ts'
import { findMember, type MemberRow } from '../store/members.ts'
import { findRooms, lockRoom, type RoomRow } from '../store/rooms.ts'
import type { Actor } from './context.ts'

/** The room, and the membership of the user who acts. */
export type Standing = { room: RoomRow; member: MemberRow | undefined }

/** @throws CoreError ROOM_NOT_FOUND; NOT_ROOM_MEMBER for a client that is none */
export async function standing(q: Queryable, actor: Actor, roomId: string): Promise<Standing> {
  const [room] = await findRooms(q, actor.app, [roomId])
  return asMember(actor, await withMembership(q, actor, room))
}

/** As `standing`, and holds the room until the transaction ends. */
export async function lockStanding(tx: Queryable, actor: Actor, roomId: string): Promise<Standing> {
  return asMember(actor, await lockForEntry(tx, actor, roomId))
}

/** As `lockStanding`, for those who may not be members yet. */
export async function lockForEntry(tx: Queryable, actor: Actor, roomId: string): Promise<Standing> {
  return withMembership(tx, actor, await lockRoom(tx, actor.app, roomId))
}

/**
 * For messages, where a room that is not there is refused like one that is another's.
 * @throws CoreError NOT_ROOM_MEMBER, PERMISSION_DENIED
 */
export async function requireMessageAccess(q: Queryable, actor: Actor, roomId: string): Promise<void> {
  if (actor.kind === 'client') {
    if ((await findMember(q, actor.app, roomId, actor.userId)) === undefined)
      throw new CoreError('NOT_ROOM_MEMBER')
  } else if ((await findRooms(q, actor.app, [roomId])).length === 0)
    throw new CoreError('PERMISSION_DENIED', 'There is no such room.')
}

export const isSuperuser = (actor: Actor, room: RoomRow, member: MemberRow | undefined): boolean =>
  actor.kind === 'platform' ||
  room.ownerId === actor.userId ||
  room.managerIds.includes(actor.userId) ||
  member?.role === 'admin'

/** Superusers; in a room without an owner, every member. */
export const mayManage = (actor: Actor, { room, member }: Standing): boolean =>
  isSuperuser(actor, room, member) || (room.ownerId === null && member !== undefined)

export function requireManager(actor: Actor, where: Standing): void {
  if (!mayManage(actor, where)) throw new CoreError('PERMISSION_DENIED')
}

async function withMembership(q: Queryable, actor: Actor, room: RoomRow | undefined): Promise<Standing> {
  if (room === undefined) throw new CoreError('ROOM_NOT_FOUND')
  const member =
    actor.userId === undefined ? undefined : await findMember(q, actor.app, room.id, actor.userId)
  return { room, member }
}

function asMember(actor: Actor, where: Standing): Standing {
  if (actor.kind === 'client' && where.member === undefined) throw new CoreError('NOT_ROOM_MEMBER')
  return where
}
