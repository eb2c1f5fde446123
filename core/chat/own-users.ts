import { findTraces, type UserTraces } from '../store/user-traces.ts'
import type { ChatContext } from './context.ts'
import type { User } from './model.ts'

/** A user as they themselves and the customer may see them. */
export type OwnUser = User & {
  traces: UserTraces | undefined
  /** Undefined where nobody has seen a socket of theirs, but not every core answered. */
  connected: boolean | undefined
}

export async function asOwnUser(ctx: ChatContext, user: User): Promise<OwnUser> {
  const [own] = await asOwnUsers(ctx, user.app, [user])
  return own!
}

/** One question to the other cores for the whole list. */
export async function asOwnUsers(ctx: ChatContext, app: string, users: User[]): Promise<OwnUser[]> {
  const ids = users.map((user) => user.id)
  const [traces, live] = await Promise.all([
    findTraces(ctx.db, app, ids),
    ctx.liveSockets.connected(app, ids),
  ])
  const connected = (id: string) => live.userIds.has(id) || (live.isComplete ? false : undefined)
  return users.map((user) => ({ ...user, traces: traces.get(user.id), connected: connected(user.id) }))
}
