import { credentialDigest } from '#contract/credential.ts'
import { findTokenUsers, type TaggedUnread, unreadByRoom, unreadOfUsers } from '../store/tag-badges.ts'
import { type Actor, type ChatContext, now } from './context.ts'

const MAX_ROOMS = 20_000

/** A room of several tags counts for each of them, and once in the total. */
export type TagBadges = { total: number; byTag: ReadonlyMap<string, number> }

/** Of the acting user; a platform key that acts for nobody has read everything. */
export async function badgesByTag(
  ctx: ChatContext,
  actor: Actor,
  request: { tags: readonly string[]; before?: Date | undefined },
): Promise<TagBadges> {
  const { tags, before } = request
  const asked = new Map(tags.map((tag) => [tag, 0]))
  if (actor.userId === undefined) return { total: 0, byTag: asked }
  const rooms = await unreadByRoom(ctx.db, actor.app, actor.userId, { tags, before, limit: MAX_ROOMS })
  return { total: rooms.reduce((sum, room) => sum + room.unread, 0), byTag: sumByTag(rooms, asked) }
}

function sumByTag(rooms: TaggedUnread[], sums: Map<string, number>): Map<string, number> {
  const onlyAsked = sums.size > 0
  for (const { tags, unread } of rooms)
    for (const tag of new Set(tags))
      if (!onlyAsked || sums.has(tag)) sums.set(tag, (sums.get(tag) ?? 0) + unread)
  return sums
}

/** For push extensions that hold tokens and nothing else: unread totals of those whose tokens they are. */
export async function badgesOfTokens(
  ctx: ChatContext,
  app: string,
  tokens: readonly string[],
): Promise<Array<{ userId: string; unread: number }>> {
  const digests = tokens.map((token) => credentialDigest('client-token', app, token))
  return unreadOfUsers(ctx.db, app, await findTokenUsers(ctx.db, app, digests, now(ctx)))
}
