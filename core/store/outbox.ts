import type { Queryable } from './database.ts'

/** Messages queue themselves in their own statements. */
export type OutboxTopic = 'members-joined' | 'members-removed'

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
