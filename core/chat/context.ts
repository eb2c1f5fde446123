import type { Logger } from 'pino'
import type { ClientIdentity, PlatformIdentity } from '#contract/identity.ts'
import { CoreError } from '../errors.ts'
import type { Database } from '../store/database.ts'
import type { Publish } from './events.ts'

export type ChatSettings = {
  /** Whether a group is entered by invitation only, where a request does not say. */
  invitationRequired: boolean
}

/** What every operation needs. Inside a transaction only its `tx` may be queried, never `db`. */
export type ChatContext = {
  db: Database
  publish: Publish
  clock: () => number
  newId: () => string
  settings: ChatSettings
  log: Logger
}

/** Who acts: a user, or a customer's server, perhaps for a user. */
export type Actor = ClientIdentity | PlatformIdentity

/** @throws CoreError ACTING_USER_REQUIRED for a platform key that acts for nobody. */
export function actingUser(actor: Actor): string {
  if (actor.userId === undefined) throw new CoreError('ACTING_USER_REQUIRED')
  return actor.userId
}

export const now = (ctx: ChatContext): Date => new Date(ctx.clock())
