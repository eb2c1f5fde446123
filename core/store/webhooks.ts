/** Deliveries to customers' servers. A room's deliveries to one target are a queue, tried in their order. */
import type { Queryable } from './database.ts'

export type WebhookTarget = 'room' | 'app'
export type WebhookEvent = 'MESSAGE' | 'JOIN_ROOM' | 'ADD_MEMBERS' | 'DELETE_MEMBERS'

export type NewDelivery = {
  app: string
  roomId: string
  target: WebhookTarget
  eventId: string
  event: WebhookEvent
  body: string
}

export type Delivery = NewDelivery & { id: number; attempts: number; createdAt: Date; expiresAt: Date }
export type DeadLetter = Delivery & { lastReason: string | null; deadAt: Date }
export type Queue = { app: string; roomId: string; target: WebhookTarget; lease: number }

const COLUMNS = `id, app, room_id AS "roomId", target, event_id AS "eventId", event, body, attempts,
  created_at AS "createdAt", expires_at AS "expiresAt"`

/** Adds deliveries in their order; one that is there already (of an earlier try of ours) is left as it is. */
export async function addDeliveries(
  tx: Queryable,
  deliveries: readonly NewDelivery[],
  at: Date,
  expiresAt: Date,
): Promise<void> {
  if (deliveries.length === 0) return
  const column = (name: keyof NewDelivery) => deliveries.map((delivery) => delivery[name])
  await tx.query(
    'webhooks-add',
    `INSERT INTO webhook_deliveries (app, room_id, target, event_id, event, body, created_at, expires_at)
     SELECT app, room_id, target, event_id, event, body, $7, $8
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY
       AS given (app, room_id, target, event_id, event, body, place) ORDER BY place
     ON CONFLICT (app, room_id, target, event_id) DO NOTHING`,
    [
      column('app'),
      column('roomId'),
      column('target'),
      column('eventId'),
      column('event'),
      column('body'),
      at,
      expiresAt,
    ],
  )
  await wakeQueues(tx, deliveries)
}

/** A queue that waits for its next try goes on waiting. */
async function wakeQueues(
  tx: Queryable,
  queues: ReadonlyArray<Pick<Queue, 'app' | 'roomId' | 'target'>>,
): Promise<void> {
  await tx.query(
    'webhooks-wake',
    `INSERT INTO webhook_queues AS q (app, room_id, target, next_at)
     SELECT DISTINCT app, room_id, target, now() FROM unnest($1::text[], $2::text[], $3::text[])
       AS given (app, room_id, target) ORDER BY 1, 2, 3
     ON CONFLICT (app, room_id, target) DO UPDATE SET version = q.version + 1`,
    [
      queues.map((queue) => queue.app),
      queues.map((queue) => queue.roomId),
      queues.map((queue) => queue.target),
    ],
  )
}

/*
 * Queues go by the database's clock: cores whose clocks disagree would take queues from each other, or leave them.
 */

/** Queues that are due, none twice: of apps that have enough in hand none. */
export async function claimQueues(
  q: Queryable,
  limit: number,
  exceptApps: readonly string[],
  leaseMs: number,
): Promise<Queue[]> {
  return q.query<Queue>(
    'webhooks-claim',
    `UPDATE webhook_queues SET lease = lease + 1, next_at = now() + $3 * interval '1 millisecond'
     WHERE (app, room_id, target) IN (
       SELECT app, room_id, target FROM webhook_queues WHERE next_at <= now() AND NOT app = ANY($2::text[])
       ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED)
     RETURNING app, room_id AS "roomId", target, lease`,
    [limit, exceptApps, leaseMs],
  )
}

const place = (queue: Queue) => [queue.app, queue.roomId, queue.target, queue.lease]

/** Nobody else looks at it for so long. @returns its version; undefined where another has claimed it since. */
export async function renewQueue(q: Queryable, queue: Queue, forMs: number): Promise<number | undefined> {
  const [row] = await q.query<{ version: number }>(
    'webhooks-renew',
    `UPDATE webhook_queues SET next_at = now() + $5 * interval '1 millisecond'
     WHERE app = $1 AND room_id = $2 AND target = $3 AND lease = $4 RETURNING version`,
    [...place(queue), forMs],
  )
  return row?.version
}

export async function headOfQueue(q: Queryable, queue: Queue): Promise<Delivery | undefined> {
  const [row] = await q.query<Delivery>(
    'webhooks-head',
    `SELECT ${COLUMNS} FROM webhook_deliveries
     WHERE app = $1 AND room_id = $2 AND target = $3 AND dead_at IS NULL ORDER BY id LIMIT 1`,
    [queue.app, queue.roomId, queue.target],
  )
  return row
}

/** @returns false where something came since `version` was read. */
export async function dropEmptyQueue(q: Queryable, queue: Queue, version: number): Promise<boolean> {
  const rows = await q.query(
    'webhooks-drop-queue',
    `DELETE FROM webhook_queues WHERE app = $1 AND room_id = $2 AND target = $3 AND lease = $4 AND version = $5
     RETURNING app`,
    [...place(queue), version],
  )
  return rows.length > 0
}

export async function deleteDelivery(q: Queryable, id: number): Promise<void> {
  await q.query('webhooks-delivered', 'DELETE FROM webhook_deliveries WHERE id = $1', [id])
}

export async function failDelivery(
  q: Queryable,
  id: number,
  reason: string,
  deadAt: Date | undefined,
): Promise<void> {
  await q.query(
    'webhooks-failed',
    `UPDATE webhook_deliveries SET attempts = attempts + 1, last_reason = $2, dead_at = $3 WHERE id = $1`,
    [id, reason, deadAt],
  )
}

/** Newest first. */
export async function listDeadLetters(
  q: Queryable,
  app: string,
  before: number | undefined,
  limit: number,
): Promise<DeadLetter[]> {
  return q.query<DeadLetter>(
    'webhooks-dead',
    `SELECT ${COLUMNS}, last_reason AS "lastReason", dead_at AS "deadAt" FROM webhook_deliveries
     WHERE app = $1 AND dead_at IS NOT NULL AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
    [app, before, limit],
  )
}

export type WaitingDelivery = Delivery & { lastReason: string | null }

/** What is still being tried, oldest first. */
export async function listWaitingDeliveries(
  q: Queryable,
  app: string,
  after: number,
  limit: number,
): Promise<WaitingDelivery[]> {
  return q.query<WaitingDelivery>(
    'webhooks-waiting',
    `SELECT ${COLUMNS}, last_reason AS "lastReason" FROM webhook_deliveries
     WHERE app = $1 AND dead_at IS NULL AND id > $2 ORDER BY id LIMIT $3`,
    [app, after, limit],
  )
}

/** Puts dead letters back where they were: before what is newer. @returns how many */
export async function reviveDeadLetters(
  tx: Queryable,
  app: string,
  id: number | undefined,
  expiresAt: Date,
): Promise<number> {
  const revived = await tx.query<Pick<Queue, 'app' | 'roomId' | 'target'>>(
    'webhooks-revive',
    `UPDATE webhook_deliveries SET dead_at = NULL, attempts = 0, expires_at = $3
     WHERE app = $1 AND dead_at IS NOT NULL AND ($2::bigint IS NULL OR id = $2)
     RETURNING app, room_id AS "roomId", target`,
    [app, id, expiresAt],
  )
  if (revived.length > 0) await wakeQueues(tx, revived)
  return revived.length
}
