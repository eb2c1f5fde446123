import { CoreError } from '../errors.ts'
import { ensureUsers, findUsers, type Profile, setMuted, touchLogin, upsertUser } from '../store/users.ts'
import { type Actor, actingUser, type ChatContext, now } from './context.ts'
import type { User } from './model.ts'

/** A user's first contact creates it: an external auth service vouches for users that we never heard of. */
export async function readProfile(ctx: ChatContext, actor: Actor): Promise<User> {
  const id = actingUser(actor)
  const [known] = await findUsers(ctx.db, actor.app, [id])
  if (known !== undefined) return known
  await ensureUsers(ctx.db, actor.app, [id], now(ctx))
  const [created] = await findUsers(ctx.db, actor.app, [id])
  if (created === undefined) throw new CoreError('CLIENT_NOT_FOUND')
  return created
}

export const updateProfile = (ctx: ChatContext, actor: Actor, profile: Profile): Promise<User> =>
  upsertUser(ctx.db, actor.app, actingUser(actor), profile, now(ctx))

/** Muting is silence of push alone, in a room one is in or not; twice is once. */
export async function muteRoom(
  ctx: ChatContext,
  actor: Actor,
  input: { roomId: string; muted: boolean },
): Promise<User> {
  const { id } = await readProfile(ctx, actor)
  const user = await setMuted(ctx.db, actor.app, id, input.roomId, input.muted)
  if (user === undefined) throw new CoreError('CLIENT_NOT_FOUND')
  return user
}

/** A customer's server mutes for a user that there is. */
export async function muteRoomFor(
  ctx: ChatContext,
  actor: Actor,
  input: { userId: string; roomId: string; muted: boolean },
): Promise<User> {
  const user = await setMuted(ctx.db, actor.app, input.userId, input.roomId, input.muted)
  if (user === undefined) throw new CoreError('CLIENT_NOT_FOUND')
  return user
}

export type Peer = { address: string | undefined; port?: number | undefined; userAgent: string | undefined }

/** A login by socket. */
export function recordLogin(ctx: ChatContext, app: string, userId: string, peer: Peer): Promise<User> {
  const family = peer.address?.includes(':') ? 'IPv6' : 'IPv4'
  const address = peer.address === undefined ? undefined : { port: peer.port, family, address: peer.address }
  return touchLogin(ctx.db, app, userId, { address, userAgent: peer.userAgent }, now(ctx))
}
