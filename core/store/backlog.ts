/** What waits to follow commits, for those who watch the deployment. Bounded, however much it is. */
import type { Queryable } from './database.ts'

export type Backlog = {
  kind: 'relay' | 'webhook' | 'push' | 'badge'
  waiting: number
  /** Of the one that was committed first, in seconds; null where nothing waits, or nobody knows. */
  oldestS: number | null
  /** Given up: these wait for an operator. */
  dead: number
}

/** Nobody needs it more precisely than that it is too much. */
const MOST = 10_000

export async function findBacklog(q: Queryable): Promise<Backlog[]> {
  return q.query<Backlog>(
    'outbox-backlog',
    `SELECT 'relay' AS kind,
       (SELECT count(*) FROM (SELECT FROM outbox WHERE shard >= 0 LIMIT $1) AS few) AS waiting,
       (SELECT extract(epoch FROM now() - min(head.created_at))
        FROM generate_series(0, 63) AS given (shard) CROSS JOIN LATERAL (
          SELECT created_at FROM outbox o WHERE o.shard = given.shard ORDER BY position LIMIT 1) AS head) AS "oldestS",
       (SELECT count(*) FROM (SELECT FROM outbox WHERE shard < 0 LIMIT $1) AS few) AS dead
     UNION ALL
     SELECT 'webhook', count(*), extract(epoch FROM now() - min(created_at)),
       (SELECT count(*) FROM (SELECT FROM webhook_deliveries WHERE dead_at IS NOT NULL LIMIT $1) AS few)
     FROM (SELECT created_at FROM webhook_deliveries WHERE dead_at IS NULL LIMIT $1) AS few
     UNION ALL
     SELECT 'push', count(*), extract(epoch FROM now() - min(created_at)), 0
     FROM (SELECT created_at FROM push_jobs LIMIT $1) AS few
     UNION ALL
     SELECT 'badge', count(*), NULL, 0 FROM (SELECT FROM badge_dues LIMIT $1) AS few`,
    [MOST],
  )
}
