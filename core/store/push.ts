/** Who wants pushes where, and the pushes that are still to be made. */
import type { Queryable } from './database.ts'

export const SUBSCRIPTION_TYPES = ['ios', 'ios-voip', 'android', 'fcm', 'web'] as const
export type SubscriptionType = (typeof SUBSCRIPTION_TYPES)[number]

export type Subscription = {
  id: string
  type: SubscriptionType
  token: string
  userId: string
  deviceId: string | null
}

const COLUMNS = `id, type, token, user_id AS "userId", device_id AS "deviceId"`

/** The token is this user's from now on; the device's earlier token of the same type goes. */
export async function putSubscription(
  tx: Queryable,
  app: string,
  { id, type, token, userId, deviceId }: Subscription,
  at: Date,
): Promise<Subscription> {
  await tx.query(
    'push-supersede',
    `DELETE FROM push_subscriptions
     WHERE app = $1 AND user_id = $2 AND type = $3 AND device_id = $4 AND token <> $5`,
    [app, userId, type, deviceId, token],
  )
  const [row] = await tx.query<Subscription>(
    'push-subscribe',
    `INSERT INTO push_subscriptions AS s (app, type, token, id, user_id, device_id, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
     ON CONFLICT (app, type, token) DO UPDATE SET user_id = excluded.user_id,
       device_id = CASE WHEN s.user_id = excluded.user_id THEN COALESCE(excluded.device_id, s.device_id)
         ELSE excluded.device_id END,
       updated_at = excluded.updated_at
     RETURNING ${COLUMNS}`,
    [app, type, token, id, userId, deviceId, at],
  )
  return row!
}

export type SubscriptionSelection = {
  type?: SubscriptionType | undefined
  token?: string | undefined
  deviceId?: string | undefined
  exceptDeviceId?: string | undefined
}

/** @returns how many of the user's subscriptions fit and are gone. */
export async function deleteSubscriptions(
  q: Queryable,
  app: string,
  userId: string,
  { type, token, deviceId, exceptDeviceId }: SubscriptionSelection,
): Promise<number> {
  const rows = await q.query(
    'push-unsubscribe',
    `DELETE FROM push_subscriptions WHERE app = $1 AND user_id = $2
       AND ($3::text IS NULL OR type = $3) AND ($4::text IS NULL OR token = $4)
       AND ($5::text IS NULL OR device_id = $5) AND ($6::text IS NULL OR device_id IS DISTINCT FROM $6)
     RETURNING id`,
    [app, userId, type, token, deviceId, exceptDeviceId],
  )
  return rows.length
}

/** Of tokens that the push service does not know any more. */
export async function forgetTokens(
  q: Queryable,
  app: string,
  type: SubscriptionType,
  tokens: readonly string[],
): Promise<void> {
  await q.query(
    'push-forget',
    'DELETE FROM push_subscriptions WHERE app = $1 AND type = $2 AND token = ANY($3::text[])',
    [app, type, tokens],
  )
}

export async function findSubscriptions(
  q: Queryable,
  app: string,
  userIds: readonly string[],
): Promise<Subscription[]> {
  if (userIds.length === 0) return []
  return q.query<Subscription>(
    'push-of-users',
    `SELECT ${COLUMNS} FROM push_subscriptions WHERE app = $1 AND user_id = ANY($2::text[])`,
    [app, userIds],
  )
}

/**
 * The next members of a room, by id, who want to hear of its messages: not the sender, no robot, nobody who has
 * muted the room or everything. `servedTo` is how far this page looked; undefined where it looked at all.
 */
export async function nextReceivers(
  q: Queryable,
  app: string,
  roomId: string,
  senderId: string | null,
  after: string,
  limit: number,
): Promise<{ userIds: string[]; servedTo: string | undefined }> {
  const rows = await q.query<{ id: string; wants: boolean }>(
    'push-receivers',
    `SELECT m.user_id AS id, m.user_id IS DISTINCT FROM $3 AND u.notification_enabled AND NOT u.is_robot
       AND u.disabled_at IS NULL AND NOT $2 = ANY(u.muted_room_ids) AND NOT EXISTS (
         SELECT FROM room_prefs p WHERE p.app = $1 AND p.user_id = m.user_id AND p.room_id = $2 AND p.muted
       ) AS wants
     FROM members m JOIN users u ON u.app = m.app AND u.id = m.user_id
     WHERE m.app = $1 AND m.room_id = $2 AND m.user_id > $4 ORDER BY m.user_id LIMIT $5`,
    [app, roomId, senderId, after, limit],
  )
  return {
    userIds: rows.filter((row) => row.wants).map((row) => row.id),
    servedTo: rows.length < limit ? undefined : rows.at(-1)?.id,
  }
}

/** A push as every service of pushes can be told it. */
export type PushNote = {
  title?: string | undefined
  body?: string | undefined
  /** A text of the app's own, by its key. */
  loc?: { key: string; args: string[] } | undefined
  badge?: number | undefined
  sound?: string | undefined
  icon?: string | undefined
  topic?: string | undefined
  /** Seconds since the epoch, after which it is not worth showing. */
  expiry?: number | undefined
  /** Of several with the same key a device shows the last. */
  collapseKey?: string | undefined
  fields: Record<string, string>
}

/** One call outside. */
export type PushCall =
  | { via: 'hook' | 'generic-hook'; body: Record<string, unknown> }
  | { via: 'provider'; type: SubscriptionType; token: string; note: PushNote }

export type PushWork =
  | { kind: 'message'; roomId: string; messageId: string; badge?: false | undefined }
  | { kind: 'users'; userIds: string[]; note: PushNote }
  | { kind: 'tokens'; type: SubscriptionType; tokens: string[]; note: PushNote }
  /** What could not be told the last time. */
  | { kind: 'again'; calls: PushCall[] }

export type PushJobRow = {
  id: number
  app: string
  work: PushWork
  servedTo: string
  attempts: number
  createdAt: Date
}

export async function addPushJobs(
  q: Queryable,
  jobs: ReadonlyArray<{ app: string; work: PushWork }>,
  at: Date,
  nextAt: Date,
  attempts = 0,
): Promise<void> {
  if (jobs.length === 0) return
  await q.query(
    'push-add-jobs',
    `INSERT INTO push_jobs (app, work, created_at, next_at, attempts)
     SELECT app, work::json, $3, $4, $5 FROM unnest($1::text[], $2::text[]) WITH ORDINALITY
       AS given (app, work, place) ORDER BY place`,
    [jobs.map((job) => job.app), jobs.map((job) => JSON.stringify(job.work)), at, nextAt, attempts],
  )
}

export async function claimPushJobs(
  q: Queryable,
  limit: number,
  at: Date,
  until: Date,
): Promise<PushJobRow[]> {
  return q.query<PushJobRow>(
    'push-claim',
    `UPDATE push_jobs SET next_at = $3, attempts = attempts + 1 WHERE id IN (
       SELECT id FROM push_jobs WHERE next_at <= $2 ORDER BY next_at, id LIMIT $1 FOR UPDATE SKIP LOCKED)
     RETURNING id, app, work, served_to AS "servedTo", attempts, created_at AS "createdAt"`,
    [limit, at, until],
  )
}

export async function advancePushJob(q: Queryable, id: number, servedTo: string, until: Date): Promise<void> {
  await q.query('push-advance', 'UPDATE push_jobs SET served_to = $2, next_at = $3 WHERE id = $1', [
    id,
    servedTo,
    until,
  ])
}

export async function postponePushJob(q: Queryable, id: number, nextAt: Date): Promise<void> {
  await q.query('push-postpone', 'UPDATE push_jobs SET next_at = $2 WHERE id = $1', [id, nextAt])
}

export async function deletePushJob(q: Queryable, id: number): Promise<void> {
  await q.query('push-done', 'DELETE FROM push_jobs WHERE id = $1', [id])
}
