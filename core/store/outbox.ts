import type { Queryable } from './database.ts'

/** Messages, their changes and read marks queue themselves in their own statements. */
export type OutboxTopic =
  | 'members-joined'
  | 'members-removed'
  | 'room-changed'
  | 'invited'
  | 'invitation-cancelled'

export const OUTBOX_SHARDS = 64
/** Where rows go that nothing can be made of; they wait there for an operator. */
const PARKED = -1
const ADVISORY_CLASS = 7301943

export type OutboxRow = {
  shard: number
  position: number
  topic: string
  app: string
  roomId: string
  payload: Record<string, unknown>
  createdAt: Date
}

/** What must follow the commit of `tx`; the shard keeps a room's rows in one line. */
export async function appendOutbox(
  tx: Queryable,
  app: string,
  roomId: string,
  topic: OutboxTopic,
  payload: Record<string, unknown>,
  at: Date,
): Promise<void> {
  await tx.query(
    'outbox-append',
    `INSERT INTO outbox (shard, topic, app, room_id, payload, created_at)
     VALUES (hashtextextended($3, 0) & 63, $1, $2, $3, $4::jsonb, $5)`,
    [topic, app, roomId, JSON.stringify(payload), at],
  )
}

/** Shards that have rows, found by one probe each. */
export async function findBusyShards(q: Queryable): Promise<number[]> {
  const rows = await q.query<{ shard: number }>(
    'outbox-busy',
    `SELECT given.shard FROM generate_series(0, $1::int - 1) AS given (shard)
     WHERE EXISTS (SELECT FROM outbox o WHERE o.shard = given.shard)`,
    [OUTBOX_SHARDS],
  )
  return rows.map((row) => row.shard)
}

/** Makes this transaction the one holder of those shards that have none. @returns which */
export async function holdShards(tx: Queryable, shards: readonly number[]): Promise<number[]> {
  const rows = await tx.query<{ shard: number }>(
    'outbox-hold',
    `SELECT shard FROM unnest($1::int[]) AS given (shard) WHERE pg_try_advisory_xact_lock($2::int, shard)`,
    [shards, ADVISORY_CLASS],
  )
  return rows.map((row) => row.shard)
}

/** The first rows of each shard. Needs the shards; asked in a statement of its own, it sees all that was there. */
export async function headOfShards(
  tx: Queryable,
  shards: readonly number[],
  perShard: number,
): Promise<OutboxRow[]> {
  return tx.query<OutboxRow>(
    'outbox-head',
    `SELECT o.* FROM unnest($1::int[]) AS given (shard) CROSS JOIN LATERAL (
       SELECT shard, position, topic, app, room_id AS "roomId", payload, created_at AS "createdAt"
       FROM outbox WHERE outbox.shard = given.shard ORDER BY position LIMIT $2
     ) o ORDER BY o.position`,
    [shards, perShard],
  )
}

export async function deleteOutboxRows(tx: Queryable, rows: readonly OutboxRow[]): Promise<void> {
  if (rows.length === 0) return
  await tx.query(
    'outbox-delete',
    `DELETE FROM outbox WHERE (shard, position) IN (SELECT * FROM unnest($1::int[], $2::bigint[]))`,
    [rows.map((row) => row.shard), rows.map((row) => row.position)],
  )
}

export async function parkOutboxRow(q: Queryable, row: OutboxRow): Promise<void> {
  await q.query('outbox-park', 'UPDATE outbox SET shard = $3 WHERE shard = $1 AND position = $2', [
    row.shard,
    row.position,
    PARKED,
  ])
}
