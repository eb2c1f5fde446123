/** A disabled user keeps its tokens, which are refused until it is enabled again. */
import { CoreError } from '../errors.ts'
import { recordChange } from '../store/credential-changes.ts'
import { findDisabled, recordTokensOf, setDisabled } from '../store/tokens.ts'
import type { CredentialContext } from './context.ts'

/** Those of the users that are disabled, and since when. */
export const disabledSince = (
  ctx: CredentialContext,
  app: string,
  userIds: readonly string[],
): Promise<Map<string, Date>> => findDisabled(ctx.db, app, userIds)

/** @throws CoreError CLIENT_NOT_FOUND */
export async function disableUser(
  ctx: CredentialContext,
  app: string,
  userId: string,
): Promise<{ position: number }> {
  const now = new Date(ctx.clock())
  const position = await ctx.db.transaction(async (tx) => {
    if (!(await setDisabled(tx, app, userId, now))) throw new CoreError('CLIENT_NOT_FOUND')
    await recordTokensOf(tx, app, userId, 'revoked', now)
    return recordChange(tx, { subject: 'user', app, userId })
  })
  ctx.nudge()
  return { position }
}

/** @throws CoreError CLIENT_NOT_FOUND */
export async function enableUser(
  ctx: CredentialContext,
  app: string,
  userId: string,
): Promise<{ position: number | undefined }> {
  const now = new Date(ctx.clock())
  const position = await ctx.db.transaction(async (tx) => {
    if (!(await setDisabled(tx, app, userId, undefined))) throw new CoreError('CLIENT_NOT_FOUND')
    return recordTokensOf(tx, app, userId, 'granted', now)
  })
  if (position !== undefined) ctx.nudge()
  return { position }
}
