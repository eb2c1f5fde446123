/** Messages that one call sends to many: the job, and each of its parts until it is done. */
import type { Queryable } from './database.ts'

export type BatchRow = { app: string; id: string; job: unknown }
export type BatchPartRow = { place: number; part: unknown }

export async function insertBatch(
  q: Queryable,
  app: string,
  batch: { id: string; job: unknown; parts: readonly unknown[] },
  at: Date,
): Promise<void> {
  await q.query(
    'batches-insert',
    `WITH batch AS (
       INSERT INTO message_batches (app, id, job, created_at, next_at) VALUES ($1, $2, $3::json, $5, $5)
       RETURNING app, id
     )
     INSERT INTO message_batch_parts (app, batch_id, place, part)
     SELECT batch.app, batch.id, given.place, given.part::json
     FROM batch, unnest($4::text[]) WITH ORDINALITY AS given (part, place)`,
    [app, batch.id, JSON.stringify(batch.job), batch.parts.map((part) => JSON.stringify(part)), at],
  )
}

/** Takes the batch that is due the longest for oneself until `until`. */
export async function claimBatch(q: Queryable, at: Date, until: Date): Promise<BatchRow | undefined> {
  const [row] = await q.query<BatchRow>(
    'batches-claim',
    `UPDATE message_batches SET next_at = $2 WHERE (app, id) = (
       SELECT app, id FROM message_batches WHERE next_at <= $1 ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING app, id, job`,
    [at, until],
  )
  return row
}

/** The next parts that are not done. */
export async function pendingParts(
  q: Queryable,
  batch: { app: string; id: string },
  limit: number,
): Promise<BatchPartRow[]> {
  return q.query<BatchPartRow>(
    'batches-pending',
    `SELECT place, part FROM message_batch_parts
     WHERE app = $1 AND batch_id = $2 AND message_id IS NULL AND refused IS NULL ORDER BY place LIMIT $3`,
    [batch.app, batch.id, limit],
  )
}

export async function finishPart(
  q: Queryable,
  batch: { app: string; id: string },
  place: number,
  outcome: { roomId: string; messageId: string } | { refused: string },
): Promise<void> {
  const sent = 'refused' in outcome ? undefined : outcome
  await q.query(
    'batches-finish-part',
    `UPDATE message_batch_parts SET room_id = $4, message_id = $5, refused = $6
     WHERE app = $1 AND batch_id = $2 AND place = $3`,
    [
      batch.app,
      batch.id,
      place,
      sent?.roomId,
      sent?.messageId,
      'refused' in outcome ? outcome.refused : undefined,
    ],
  )
}

/** Undefined: it is done. */
export async function postponeBatch(
  q: Queryable,
  batch: { app: string; id: string },
  nextAt: Date | undefined,
): Promise<void> {
  await q.query('batches-postpone', 'UPDATE message_batches SET next_at = $3 WHERE app = $1 AND id = $2', [
    batch.app,
    batch.id,
    nextAt,
  ])
}

/** What a batch has sent so far, in the order of its parts. Undefined where there is no such batch. */
export async function findBatchMessages(
  q: Queryable,
  app: string,
  id: string,
): Promise<Array<{ roomId: string; id: string }> | undefined> {
  const rows = await q.query<{ roomId: string | null; id: string | null }>(
    'batches-messages',
    `SELECT p.room_id AS "roomId", p.message_id AS id
     FROM message_batches b LEFT JOIN message_batch_parts p ON p.app = b.app AND p.batch_id = b.id AND p.message_id IS NOT NULL
     WHERE b.app = $1 AND b.id = $2 ORDER BY p.place`,
    [app, id],
  )
  if (rows.length === 0) return undefined
  return rows.flatMap(({ roomId, id }) => (roomId === null || id === null ? [] : [{ roomId, id }]))
}
