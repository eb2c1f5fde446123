import type { KeyKind, StoredSettings } from './apps.ts'
import type { Queryable } from './database.ts'

/**
 * Each is one statement and so one snapshot: the position says exactly what the row beside it is true at. Nulls
 * where there is no live credential.
 */
export type TokenSnapshot = {
  position: number
  app: string | null
  userId: string
  expiresAt: Date
  /** There is a row of it, live or not. */
  isKnown: boolean
}
export type AppSnapshot = {
  position: number
  app: string | null
  settings: StoredSettings
  expiresAt: Date | null
}

export const snapshotToken = (db: Queryable, digest: string, now: Date): Promise<TokenSnapshot[]> =>
  db.query<TokenSnapshot>(
    'snapshot-token',
    `SELECT feed.position, tokens.app, tokens.user_id AS "userId", tokens.expires_at AS "expiresAt",
       EXISTS (SELECT FROM tokens WHERE digest = $1) AS "isKnown"
     FROM feed LEFT JOIN (
       tokens JOIN users ON users.app = tokens.app AND users.id = tokens.user_id AND users.disabled_at IS NULL
     ) ON tokens.digest = $1 AND tokens.revoked_at IS NULL AND tokens.expires_at > $2`,
    [digest, now],
  )

const SNAPSHOT_KEY = (table: string) => `
  SELECT feed.position, keys.app, apps.settings, keys.expires_at AS "expiresAt"
  FROM feed LEFT JOIN (${table} AS keys JOIN apps ON apps.id = keys.app)
    ON keys.digest = $1 AND keys.revoked_at IS NULL
      AND (keys.not_before IS NULL OR keys.not_before <= $2) AND (keys.expires_at IS NULL OR keys.expires_at > $2)`

const KEY_STATEMENTS = {
  'platform-key': SNAPSHOT_KEY('platform_keys'),
  'client-key': SNAPSHOT_KEY('client_keys'),
} as const

export const snapshotKey = (
  db: Queryable,
  kind: KeyKind,
  digest: string,
  now: Date,
): Promise<AppSnapshot[]> => db.query<AppSnapshot>(`snapshot-${kind}`, KEY_STATEMENTS[kind], [digest, now])

/** The deployment's only app, where there is exactly one. */
export const snapshotOnlyApp = (db: Queryable): Promise<AppSnapshot[]> =>
  db.query<AppSnapshot>(
    'snapshot-only-app',
    `SELECT feed.position, apps.id AS app, apps.settings, NULL::timestamptz AS "expiresAt"
     FROM feed LEFT JOIN apps ON (SELECT count(*) FROM apps) = 1`,
  )
