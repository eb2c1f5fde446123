/** What a customer's server asks of its webhooks: what was given up, and the secrets that sign. */
import { randomBytes } from 'node:crypto'
import type { PlatformIdentity } from '#contract/identity.ts'
import { type ChatContext, now } from '../chat/context.ts'
import { CoreError } from '../errors.ts'
import { addWebhookSecret, deleteWebhookSecret, findWebhookSecrets } from '../store/webhook-secrets.ts'
import {
  type DeadLetter,
  listDeadLetters,
  listWaitingDeliveries,
  reviveDeadLetters,
  type WaitingDelivery,
} from '../store/webhooks.ts'
import { DELIVERY_LIFETIME_MS } from './webhook-events.ts'
import { webhookSecret } from './webhook-signature.ts'

/** So that receivers can go from one to the other. */
const LIVE_SECRETS = 2

export const deadLetters = (
  ctx: ChatContext,
  actor: PlatformIdentity,
  page: { before: number | undefined; limit: number },
): Promise<DeadLetter[]> => listDeadLetters(ctx.db, actor.app, page.before, page.limit)

export const waitingDeliveries = (
  ctx: ChatContext,
  actor: PlatformIdentity,
  page: { after: number; limit: number },
): Promise<WaitingDelivery[]> => listWaitingDeliveries(ctx.db, actor.app, page.after, page.limit)

/** Tries them again, in their order and for as long as new ones. Without an id: all. @returns how many */
export async function replayDeadLetters(
  ctx: ChatContext,
  actor: PlatformIdentity,
  id: number | undefined,
): Promise<number> {
  const expiresAt = new Date(ctx.clock() + DELIVERY_LIFETIME_MS)
  const count = await ctx.db.transaction((tx) => reviveDeadLetters(tx, actor.app, id, expiresAt))
  if (id !== undefined && count === 0) throw new CoreError('NOT_FOUND', 'There is no such dead letter.')
  return count
}

export type WebhookSecret = { id: string; createdAt: Date }

export const webhookSecrets = (ctx: ChatContext, actor: PlatformIdentity): Promise<WebhookSecret[]> =>
  findWebhookSecrets(ctx.db, actor.app)

/** A new secret, shown this once; it signs together with the one before, and what is older ends. */
export async function createWebhookSecret(
  ctx: ChatContext,
  actor: PlatformIdentity,
  deploymentSecret: Uint8Array,
): Promise<WebhookSecret & { secret: string }> {
  const row = { id: ctx.newId(), salt: randomBytes(18).toString('base64url'), createdAt: now(ctx) }
  await ctx.db.transaction((tx) => addWebhookSecret(tx, actor.app, row, LIVE_SECRETS))
  return {
    id: row.id,
    createdAt: row.createdAt,
    secret: webhookSecret(deploymentSecret, actor.app, row.salt),
  }
}

export async function endWebhookSecret(ctx: ChatContext, actor: PlatformIdentity, id: string): Promise<void> {
  if (!(await deleteWebhookSecret(ctx.db, actor.app, id)))
    throw new CoreError('KEY_NOT_FOUND', 'There is no such secret.')
}
