/** What operators count, and the messages of a whole app. Message ids begin with their second: they are the index. */
import type { Queryable } from './database.ts'
import { MESSAGE_COLUMNS, type MessageRow } from './messages.ts'

export type Period = { start: Date; end: Date }

export type Usage = {
  activeRooms: number
  rooms: number
  messages: number
  newUsers: number
  users: number
  monthlyUsers: number
}

/** created_at never runs ahead of the id's second by more than clocks differ between cores. */
const SLACK_MS = 60_000
const LATEST_SECOND = 0xff_ff_ff_ff

/** The first id of a moment. */
const idAt = (ms: number): string => {
  const second = Math.min(Math.max(Math.floor(ms / 1_000), 0), LATEST_SECOND)
  return second.toString(16).padStart(8, '0')
}

export async function countUsage(q: Queryable, app: string, { start, end }: Period): Promise<Usage> {
  const [row] = await q.query<Usage>(
    'usage-counts',
    `SELECT
       (SELECT count(*) FROM rooms WHERE app = $1 AND active_at >= $2 AND last_seq > 0) AS "activeRooms",
       (SELECT count(*) FROM rooms WHERE app = $1) AS rooms,
       (SELECT count(*) FROM messages WHERE app = $1 AND id >= $4 AND created_at >= $2 AND created_at < $3) AS messages,
       (SELECT count(*) FROM users WHERE app = $1 AND client_type = 'user' AND created_at >= $2 AND created_at < $3)
         AS "newUsers",
       (SELECT count(*) FROM users WHERE app = $1 AND client_type = 'user') AS users,
       (SELECT count(*) FROM users WHERE app = $1 AND last_active_at >= $3::timestamptz - interval '30 days')
         AS "monthlyUsers"`,
    [app, start, end, idAt(start.getTime() - SLACK_MS)],
  )
  return row!
}

/** Newest first. */
export async function listAppMessages(
  q: Queryable,
  app: string,
  period: { start: Date | undefined; end: Date | undefined },
  limit: number,
): Promise<{ totalCount: number; rows: MessageRow[] }> {
  const { start, end } = period
  const bounds = [
    app,
    start,
    end,
    idAt((start?.getTime() ?? 0) - SLACK_MS),
    idAt((end?.getTime() ?? Infinity) + SLACK_MS),
  ]
  const where = `app = $1 AND id >= $4 AND id < $5::text || 'g'
    AND ($2::timestamptz IS NULL OR created_at >= $2) AND ($3::timestamptz IS NULL OR created_at < $3)`
  const [count] =
    start === undefined && end === undefined
      ? await q.query<{ total: number | null }>(
          'usage-all-messages',
          'SELECT sum(message_count) AS total FROM rooms WHERE app = $1',
          [app],
        )
      : await q.query<{ total: number | null }>(
          'usage-count-messages',
          `SELECT count(*) AS total FROM messages WHERE ${where}`,
          bounds,
        )
  const rows = await q.query<MessageRow>(
    'usage-messages',
    `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE ${where} ORDER BY id DESC LIMIT $6`,
    [...bounds, limit],
  )
  return { totalCount: count?.total ?? 0, rows }
}

/** @returns whether this core is the one to report that hour */
export async function claimReport(q: Queryable, hour: Date): Promise<boolean> {
  const rows = await q.query(
    'usage-claim-report',
    `WITH old AS (DELETE FROM usage_reports WHERE hour < $1::timestamptz - interval '7 days')
     INSERT INTO usage_reports (hour) VALUES ($1) ON CONFLICT DO NOTHING RETURNING hour`,
    [hour],
  )
  return rows.length > 0
}
