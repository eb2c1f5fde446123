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

/** Which of these messages the user has deleted for themselves. */
export async function findUserDeletions(
  q: Queryable,
  app: string,
  userId: string,
  roomId: string,
  messageIds: readonly string[],
): Promise<string[]> {
  const rows = await q.query<{ id: string }>(
    'user-deletions-among',
    `SELECT message_id AS id FROM user_deletions
     WHERE app = $1 AND user_id = $2 AND room_id = $3 AND message_id = ANY($4::text[])`,
    [app, userId, roomId, messageIds],
  )
  return rows.map((row) => row.id)
}
