import type { Queryable } from './database.ts'
import { MESSAGE_COLUMNS, type MessageRow } from './messages.ts'

/** A place in a page's order: by change (updated_at, then seq), or by creation (seq alone, which has its order). */
export type Place = { seq: number; updatedAt: Date }

export type PageRequest = {
  by: 'change' | 'creation'
  newestFirst: boolean
  /** Both bounds are inclusive. */
  from?: Place | undefined
  to?: Place | undefined
  /** By change: updated_at, by creation: created_at; inclusive. */
  since?: Date | undefined
  limit: number
}

const ORDERS = {
  change: { key: '(updated_at, seq)', time: 'updated_at', columns: ['updated_at', 'seq'] },
  creation: { key: 'seq', time: 'created_at', columns: ['seq'] },
} as const

/** A page of a room by key, never by offset. */
export async function pageMessages(
  q: Queryable,
  app: string,
  roomId: string,
  page: PageRequest,
): Promise<MessageRow[]> {
  const { key, time, columns } = ORDERS[page.by]
  const values: unknown[] = [app, roomId, page.limit]
  const bound = ({ updatedAt, seq }: Place) =>
    page.by === 'change'
      ? `($${values.push(updatedAt)}, $${values.push(seq)}::bigint)`
      : `$${values.push(seq)}`
  const where = ['app = $1', 'room_id = $2']
  if (page.from !== undefined) where.push(`${key} >= ${bound(page.from)}`)
  if (page.to !== undefined) where.push(`${key} <= ${bound(page.to)}`)
  if (page.since !== undefined) where.push(`${time} >= $${values.push(page.since)}`)
  const direction = page.newestFirst ? 'DESC' : 'ASC'
  const shape = [page.by, direction, page.from && 'from', page.to && 'to', page.since && 'since']
  return q.query<MessageRow>(
    `messages-page-${shape.filter(Boolean).join('-')}`,
    `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE ${where.join(' AND ')}
     ORDER BY ${columns.map((column) => `${column} ${direction}`).join(', ')} LIMIT $3`,
    values,
  )
}

/** How many messages were posted or changed after a moment. */
export async function countChangedSince(
  q: Queryable,
  app: string,
  roomId: string,
  after: Date,
): Promise<number> {
  const [row] = await q.query<{ count: number }>(
    'messages-changed-since',
    `SELECT count(*) AS count FROM messages WHERE app = $1 AND room_id = $2 AND updated_at > $3`,
    [app, roomId, after],
  )
  return row?.count ?? 0
}
