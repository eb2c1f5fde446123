/** What a customer's server does with the users of its app. */
import { listUsers } from '../store/user-lists.ts'
import { type Profile, upsertUser } from '../store/users.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import type { User } from './model.ts'

/** Creates the client, or changes what is given of it. */
export const upsertClient = (
  ctx: ChatContext,
  actor: { app: string },
  id: string,
  profile: Profile,
): Promise<User> => upsertUser(ctx.db, actor.app, id, profile, now(ctx))

/** All of them or none. @returns how many */
export async function upsertClients(
  ctx: ChatContext,
  actor: Actor,
  clients: ReadonlyArray<{ id: string; profile: Profile }>,
): Promise<number> {
  const at = now(ctx)
  // In one order, so that two batches cannot wait for each other.
  const sorted = clients.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  await ctx.db.transaction(async (tx) => {
    for (const { id, profile } of sorted) await upsertUser(tx, actor.app, id, profile, at)
  })
  return clients.length
}

export const listClients = (
  ctx: ChatContext,
  actor: Actor,
  query: { filter: Record<string, unknown>; skip: number; limit: number },
): Promise<{ totalCount: number; users: User[] }> => listUsers(ctx.db, actor.app, query.filter, query)
