import type { Provision, ProvisionRequest } from '#contract/internal.ts'
import { CoreError } from '../errors.ts'
import { DatabaseError, FOREIGN_KEY_VIOLATION } from '../store/database.ts'
import { type ProvisionSnapshot, snapshotUser } from '../store/provisioning.ts'
import { upsertUser } from '../store/users.ts'
import type { CredentialContext } from './context.ts'

/**
 * Creates or updates a user for whom an app's own authentication vouches; a profile that is given overwrites ours. Who
 * may not come in is not changed.
 * @throws CoreError APP_NOT_FOUND
 */
export async function provisionUser(
  { db, clock }: Pick<CredentialContext, 'db' | 'clock'>,
  { app, userId, nickname, avatarUrl, issuedAtMs }: ProvisionRequest,
): Promise<Provision> {
  const [user] = await snapshotUser(db, app, userId)
  if (user === undefined) throw new Error('the feed has no position')
  const { position } = user
  if (!isAllowed(user, issuedAtMs)) return { position, allowed: false }
  const isSame =
    user.id !== null &&
    (nickname === undefined || nickname === user.nickname) &&
    (avatarUrl === undefined || avatarUrl === user.avatarUrl)
  if (isSame) return { position, allowed: true }
  const profile = {
    ...(nickname !== undefined && { nickname }),
    ...(avatarUrl !== undefined && { avatarUrl }),
  }
  try {
    await upsertUser(db, app, userId, profile, new Date(clock()))
  } catch (error) {
    if (error instanceof DatabaseError && error.sqlState === FOREIGN_KEY_VIOLATION)
      throw new CoreError('APP_NOT_FOUND', undefined, { cause: error })
    throw error
  }
  return { position, allowed: true }
}

/** A token that does not say when it was issued comes from an issuer that was asked just now. */
function isAllowed(
  { disabledAt, tokensRevokedAt }: ProvisionSnapshot,
  issuedAtMs: number | undefined,
): boolean {
  if (disabledAt !== null) return false
  return tokensRevokedAt === null || issuedAtMs === undefined || issuedAtMs > tokensRevokedAt.getTime()
}
