import { findGroupMembers } from '../store/groups.ts'
import { pageMembers } from '../store/member-pages.ts'
import type { Actor, ChatContext } from './context.ts'
import type { Member } from './model.ts'
import { MAX_SHOWN_MEMBERS, toMember } from './populate.ts'
import { standing } from './room-access.ts'

/** Everyone whom a room shows, in the order of their ids: a large room by itself shows but some. */
export async function listMembers(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; after: string; limit: number },
): Promise<{ totalCount: number; members: Member[] }> {
  const { room } = await standing(ctx.db, actor, input.roomId)
  const rows = await pageMembers(ctx.db, actor.app, room.id, input)
  const groupIds = rows.flatMap((row) => (row.clientType === 'group' ? row.id : []))
  const groups = await findGroupMembers(ctx.db, actor.app, groupIds, MAX_SHOWN_MEMBERS)
  return { totalCount: room.memberCount, members: rows.map((row) => toMember(room, row, groups)) }
}
