/** What operators see of a whole app. */
import { countUsage, listAppMessages, type Period, type Usage } from '../store/usage.ts'
import type { Actor, ChatContext } from './context.ts'
import type { Message } from './model.ts'
import { populateMessages } from './populate.ts'

export const usageOf = (ctx: Pick<ChatContext, 'db'>, app: string, period: Period): Promise<Usage> =>
  countUsage(ctx.db, app, period)

/** Newest first, over all rooms; `end` is outside. */
export async function messagesOfApp(
  ctx: ChatContext,
  actor: Actor,
  query: { start: Date | undefined; end: Date | undefined; limit: number },
): Promise<{ totalCount: number; messages: Message[] }> {
  const { totalCount, rows } = await listAppMessages(ctx.db, actor.app, query, query.limit)
  return { totalCount, messages: await populateMessages(ctx.db, actor.app, rows) }
}
