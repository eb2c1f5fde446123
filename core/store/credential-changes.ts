import type { CredentialKind } from '#contract/credential.ts'
import type { CredentialChange } from '#contract/internal.ts'
import type { Queryable } from './database.ts'

/** A change as the core itself follows it: it also knows what kind of credential is meant. */
export type FeedChange =
  | (CredentialChange & { subject: 'credential'; credentialKind: Exclude<CredentialKind, 'default-app'> })
  | Exclude<CredentialChange, { subject: 'credential' }>

type ChangeRow = {
  position: number
  app: string
  subject: 'credential' | 'user' | 'app'
  effect: 'granted' | 'revoked'
  credentialKind: Exclude<CredentialKind, 'default-app'>
  credentialId: string
  userId: string
  /** As it is now: of a credential that was renewed since, a later change says the same. */
  expiresAt: Date | null
}

/** Records that every credential of a user is revoked, or that an app has changed. @returns the position */
export async function recordChange(
  db: Queryable,
  change: { subject: 'user'; app: string; userId: string } | { subject: 'app'; app: string },
): Promise<number> {
  const isUser = change.subject === 'user'
  const [row] = await db.query<{ position: number }>(
    'record-change',
    'SELECT record_change($1, $2, $3, NULL, NULL, $4) AS position',
    [change.app, change.subject, isUser ? 'revoked' : 'changed', isUser ? change.userId : null],
  )
  if (row === undefined) throw new Error('a change was not recorded')
  return row.position
}

export async function currentPosition(db: Queryable): Promise<number> {
  const [row] = await db.query<{ position: number }>('feed-position', 'SELECT position FROM feed')
  if (row === undefined) throw new Error('the feed has no position')
  return row.position
}

/**
 * What happened after a position, and the latest position there is. Undefined changes cannot be told: some were
 * pruned, or the database is an older one than the position is from.
 */
export type KnownChanges = { latest: number; changes: FeedChange[] | undefined }

/** One snapshot; at most `limit` changes. */
export async function changesAfter(db: Queryable, position: number, limit: number): Promise<KnownChanges> {
  const rows = await db.query<ChangeRow & { latest: number }>(
    'changes-after',
    `SELECT feed.position AS latest, changes.* FROM feed LEFT JOIN LATERAL (
       SELECT position, app, subject, effect, credential_kind AS "credentialKind",
         credential_id AS "credentialId", user_id AS "userId",
         CASE WHEN effect <> 'granted' THEN NULL
           WHEN credential_kind = 'client-token' THEN (SELECT expires_at FROM tokens WHERE digest = credential_id)
           WHEN credential_kind = 'platform-key'
             THEN (SELECT expires_at FROM platform_keys WHERE digest = credential_id)
         END AS "expiresAt"
       FROM credential_changes WHERE position > $1 ORDER BY position LIMIT $2
     ) AS changes ON true`,
    [position, limit],
  )
  const latest = rows[0]?.latest
  if (latest === undefined) throw new Error('the feed has no position')
  if (latest === position) return { latest, changes: [] }
  if (rows[0]?.position !== position + 1) return { latest, changes: undefined }
  return { latest, changes: rows.map(toChange) }
}

function toChange(row: ChangeRow): FeedChange {
  const { position, app, subject, effect, credentialId, credentialKind, userId, expiresAt } = row
  if (subject === 'app') return { position, app, subject, effect: 'changed' }
  if (subject === 'user') return { position, app, subject, effect: 'revoked', userId }
  if (effect === 'revoked') return { position, app, subject, effect, credentialId, credentialKind }
  const granted = { position, app, subject, effect, credentialId, credentialKind }
  if (expiresAt !== null) return { ...granted, expiresAtMs: expiresAt.getTime() }
  // A token always has an end: where it has none its row is gone, with its user.
  return credentialKind === 'platform-key' ? { ...granted, expiresAtMs: null } : granted
}

/** By the database's clock, which also stamped them. */
export async function pruneChanges(db: Queryable, keepMs: number): Promise<void> {
  await db.query(
    'prune-changes',
    `DELETE FROM credential_changes WHERE at < now() - $1 * interval '1 millisecond'`,
    [keepMs],
  )
}
