/** What webhooks are signed with. */
import type { Queryable } from './database.ts'

export type WebhookSecretRow = { id: string; salt: string; createdAt: Date }

/** Newest first. */
export async function findWebhookSecrets(q: Queryable, app: string): Promise<WebhookSecretRow[]> {
  return q.query<WebhookSecretRow>(
    'webhook-secrets',
    `SELECT id, salt, created_at AS "createdAt" FROM webhook_secrets WHERE app = $1 ORDER BY created_at DESC, id DESC`,
    [app],
  )
}

/** Of the app's secrets the newest `keep` stay, this one among them. */
export async function addWebhookSecret(
  tx: Queryable,
  app: string,
  secret: WebhookSecretRow,
  keep: number,
): Promise<void> {
  await tx.query(
    'webhook-secrets-add',
    'INSERT INTO webhook_secrets (app, id, salt, created_at) VALUES ($1, $2, $3, $4)',
    [app, secret.id, secret.salt, secret.createdAt],
  )
  await tx.query(
    'webhook-secrets-trim',
    `DELETE FROM webhook_secrets WHERE app = $1 AND id NOT IN (
       SELECT id FROM webhook_secrets WHERE app = $1 ORDER BY created_at DESC, id DESC LIMIT $2)`,
    [app, keep],
  )
}

export async function deleteWebhookSecret(q: Queryable, app: string, id: string): Promise<boolean> {
  const rows = await q.query(
    'webhook-secrets-delete',
    'DELETE FROM webhook_secrets WHERE app = $1 AND id = $2 RETURNING id',
    [app, id],
  )
  return rows.length > 0
}
