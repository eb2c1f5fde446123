import type { CredentialKind } from '#contract/credential.ts'
import type { JwtKeys } from '#contract/internal.ts'
import type { Queryable } from './database.ts'

export type KeyKind = Extract<CredentialKind, 'platform-key' | 'client-key'>

export type StoredExternalAuth = { url: string; timeoutMs?: number; cacheMs?: number }
export type StoredAuthentication = { jwt?: JwtKeys; external?: StoredExternalAuth }

/** As kept; what is absent follows the deployment's defaults. */
export type StoredSettings = {
  origins?: string[]
  allowPlatformKeyFromBrowser?: boolean
  platformSources?: string[]
  /** Where every room's events go, beside the room's own webhook. */
  webhookUrl?: string
  authentication?: StoredAuthentication
}

export type AppRow = { app: string; createdAt: Date; settings: StoredSettings }

export type KeyRow = {
  digest: string
  app: string
  prefix: string
  createdAt: Date
  notBefore: Date | null
  expiresAt: Date | null
  revokedAt: Date | null
  lastUsedAt: Date | null
}

const TABLES = { 'platform-key': 'platform_keys', 'client-key': 'client_keys' } as const

const COLUMNS = `digest, app, prefix, created_at AS "createdAt", not_before AS "notBefore",
  expires_at AS "expiresAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`

/** @returns false where the app is there already. */
export async function insertApp(db: Queryable, app: string, settings: StoredSettings): Promise<boolean> {
  const rows = await db.query(
    'insert-app',
    'INSERT INTO apps (id, settings) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id',
    [app, settings],
  )
  return rows.length > 0
}

/** @returns false where there is no such app. */
export async function updateApp(db: Queryable, app: string, settings: StoredSettings): Promise<boolean> {
  const rows = await db.query('update-app', 'UPDATE apps SET settings = $2 WHERE id = $1 RETURNING id', [
    app,
    settings,
  ])
  return rows.length > 0
}

export async function findApp(db: Queryable, app: string): Promise<AppRow | undefined> {
  const [row] = await db.query<AppRow>(
    'app-by-id',
    'SELECT id AS app, created_at AS "createdAt", settings FROM apps WHERE id = $1',
    [app],
  )
  return row
}

/** Held until the transaction's end, so that two changes cannot overwrite one another. */
export async function lockSettings(tx: Queryable, app: string): Promise<StoredSettings | undefined> {
  const [row] = await tx.query<{ settings: StoredSettings }>(
    'lock-settings',
    'SELECT settings FROM apps WHERE id = $1 FOR NO KEY UPDATE',
    [app],
  )
  return row?.settings
}

/** In order of their ids, after one. */
export const listApps = (
  db: Queryable,
  after: string,
  limit: number,
): Promise<{ app: string; createdAt: Date }[]> =>
  db.query(
    'list-apps',
    'SELECT id AS app, created_at AS "createdAt" FROM apps WHERE id > $1 ORDER BY id LIMIT $2',
    [after, limit],
  )

/** Ids, in order; at most `limit`. */
export async function appIds(db: Queryable, limit: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>('app-ids', 'SELECT id FROM apps ORDER BY id LIMIT $1', [limit])
  return rows.map((row) => row.id)
}

/** @returns undefined where a key of that digest is there already (live or not). */
export async function insertKey(
  db: Queryable,
  kind: KeyKind,
  key: { digest: string; app: string; prefix: string; notBefore?: Date; expiresAt?: Date },
): Promise<number | undefined> {
  const [row] = await db.query<{ position: number }>(
    `insert-${kind}`,
    `WITH added AS (
       INSERT INTO ${TABLES[kind]} (digest, app, prefix, not_before, expires_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT DO NOTHING RETURNING app, digest
     )
     SELECT record_credential(app, 'granted', '${kind}', digest) AS position FROM added`,
    [key.digest, key.app, key.prefix, key.notBefore, key.expiresAt],
  )
  return row?.position
}

/**
 * Ends a key at `at`: now is a revocation, later an expiry.
 * @returns the position, or undefined where the app has no such live key.
 */
export async function endKey(
  db: Queryable,
  kind: KeyKind,
  key: { app: string; digest: string; at: Date; now: Date },
): Promise<number | undefined> {
  const [row] = await db.query<{ position: number }>(
    `end-${kind}`,
    `WITH ended AS (
       UPDATE ${TABLES[kind]}
       SET revoked_at = CASE WHEN $3::timestamptz <= $4 THEN $4::timestamptz END,
         expires_at = CASE WHEN $3::timestamptz <= $4 THEN expires_at ELSE least(expires_at, $3::timestamptz) END
       WHERE app = $1 AND digest = $2 AND revoked_at IS NULL RETURNING *
     )
     SELECT record_credential(
       app, CASE WHEN revoked_at IS NULL THEN 'granted' ELSE 'revoked' END, '${kind}', digest
     ) AS position FROM ended`,
    [key.app, key.digest, key.at, key.now],
  )
  return row?.position
}

/** Every key of an app, newest first, ended ones included. */
export const listKeys = (db: Queryable, kind: KeyKind, app: string): Promise<KeyRow[]> =>
  db.query<KeyRow>(
    `list-${kind}`,
    `SELECT ${COLUMNS} FROM ${TABLES[kind]} WHERE app = $1 ORDER BY created_at DESC, digest`,
    [app],
  )

/** At most once a minute for each key; gateways cache answers, so it is not precise anyhow. */
export async function markKeyUsed(db: Queryable, kind: KeyKind, digest: string, now: Date): Promise<void> {
  await db.query(
    `mark-${kind}`,
    `UPDATE ${TABLES[kind]} SET last_used_at = $2
     WHERE digest = $1 AND (last_used_at IS NULL OR last_used_at < $2::timestamptz - interval '1 minute')`,
    [digest, now],
  )
}
