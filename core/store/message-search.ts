/** Messages found by their text. What comes back are candidates: a gram is a hash, so the caller reads them again. */
import type { Database, Queryable } from './database.ts'
import { compileFilter, createParameters, type FieldLookup, type FilterField } from './filter.ts'
import { gramsOf } from './grams.ts'
import { MESSAGE_COLUMNS, type MessageRow } from './messages.ts'

/**
 * Runs a search that PostgreSQL ends by itself after `limitMs`. (PGlite cannot: there the callers' bounds on rooms
 * and rows are all there is.)
 */
export function withinTime<T>(
  db: Database,
  limitMs: number,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  return db.transaction(async (tx) => {
    await tx.query('search-limit', `SELECT set_config('statement_timeout', $1, true)`, [
      `${Math.max(1, Math.round(limitMs))}ms`,
    ])
    return work(tx)
  })
}

export type SearchRoom = { roomId: string; lastSeq: number }

/** `when`: of the members' sort_at, which large rooms do not keep up. */
const roomsOf = (when: string) => `
  SELECT r.id AS "roomId", r.last_seq AS "lastSeq", r.active_at
  FROM members m JOIN rooms r ON r.app = m.app AND r.id = m.room_id
  WHERE m.app = $1 AND m.user_id = $2 AND m.sort_at ${when} AND r.status = 1 AND r.last_message_seq IS NOT NULL
    AND ($3::text IS NULL OR m.room_id = $3) AND r.room_tags @> $4::text[]`

/** The user's rooms where something was said and that are not frozen, the latest active first; all in `tags`. */
export async function findSearchRooms(
  q: Queryable,
  app: string,
  userId: string,
  request: { roomId: string | undefined; tags: readonly string[]; limit: number },
): Promise<SearchRoom[]> {
  return q.query<SearchRoom>(
    'search-rooms',
    `SELECT "roomId", "lastSeq" FROM (
       ${roomsOf("= 'infinity'")}
       UNION ALL (${roomsOf("< 'infinity'")} ORDER BY m.sort_at DESC LIMIT $5)
     ) found ORDER BY active_at DESC, "roomId" LIMIT $5`,
    [app, userId, request.roomId, request.tags, request.limit],
  )
}

// The subquery's OFFSET keeps the planner from walking a room backwards until it has found enough, which for a rare
// word is the whole room.
const candidatesSql = (place: { roomId: string; grams: string; limit: string }) => `
  SELECT ${MESSAGE_COLUMNS} FROM (
    SELECT * FROM messages
    WHERE app = $1 AND room_id = ${place.roomId} AND grams @> ${place.grams}::int[] AND NOT hidden OFFSET 0
  ) candidate ORDER BY seq DESC LIMIT ${place.limit}`

/**
 * Candidates for all the words in each of the rooms, by the index.
 * @returns at most `limit` a room, the newest first
 */
export async function searchRooms(
  q: Queryable,
  app: string,
  roomIds: readonly string[],
  words: readonly string[],
  limit: number,
): Promise<MessageRow[]> {
  return q.query<MessageRow>(
    'search-messages',
    `SELECT found.* FROM unnest($2::text[], $3::text[]) AS given (id, grams)
     CROSS JOIN LATERAL (${candidatesSql({ roomId: 'given.id', grams: 'given.grams', limit: '$4' })}) found`,
    [app, roomIds, roomIds.map((roomId) => gramsText(app, roomId, words)), limit],
  )
}

/**
 * As `searchRooms`, of one large room. Without a name, so that the plan is made for this room: one for any room takes
 * it for a small one, and reads the places of all its messages beside those of the words.
 */
export async function searchLargeRoom(
  q: Queryable,
  app: string,
  roomId: string,
  words: readonly string[],
  limit: number,
): Promise<MessageRow[]> {
  return q.query<MessageRow>('', candidatesSql({ roomId: '$2', grams: '$3', limit: '$4' }), [
    app,
    roomId,
    gramsText(app, roomId, words),
    limit,
  ])
}

/** As `searchRooms`, in the newest messages of a room alone: what is frequent is found there. */
export async function searchNewest(
  q: Queryable,
  app: string,
  roomId: string,
  words: readonly string[],
  range: { window: number; limit: number },
): Promise<MessageRow[]> {
  return q.query<MessageRow>(
    'search-newest',
    `SELECT ${MESSAGE_COLUMNS} FROM (
       SELECT * FROM messages WHERE app = $1 AND room_id = $2 ORDER BY seq DESC LIMIT $4
     ) newest
     WHERE grams @> $3::int[] AND NOT hidden ORDER BY seq DESC LIMIT $5`,
    [app, roomId, gramsText(app, roomId, words), range.window, range.limit],
  )
}

/** Grams of each word by itself: words need not stand side by side. */
const gramsText = (app: string, roomId: string, words: readonly string[]): string =>
  `{${[...new Set(words.flatMap((word) => gramsOf(app, roomId, word) ?? []))].join(',')}}`

const text = (sql: string): FilterField => ({ kind: 'scalar', type: 'text', sql })
const date = (sql: string): FilterField => ({ kind: 'scalar', type: 'timestamptz', sql })
const flag = (sql: string): FilterField => ({ kind: 'scalar', type: 'boolean', sql })

const FIELDS = new Map<string, FilterField>([
  ['_id', text('m.id')],
  ['id', text('m.id')],
  ['room', text('m.room_id')],
  ['sender', text('m.sender_id')],
  ['messageType', text('m.message_type')],
  // As JSON's own text without its quotes: a NUL inside it would make PostgreSQL refuse every other form.
  ['message', text('substr(m.message::text, 2, length(m.message::text) - 2)')],
  ['reply', text('m.reply_id')],
  ['isPined', flag('(m.pinned_at IS NOT NULL)')],
  ['pinned', flag('(m.pinned_at IS NOT NULL)')],
  ['isHidden', flag('m.hidden')],
  ['createdAt', date('m.created_at')],
  ['messageTime', date('m.created_at')],
  ['updatedAt', date('m.updated_at')],
  ['editedAt', date('m.edited_at')],
  [
    'mentions',
    {
      kind: 'set',
      hasAny: (texts) => `COALESCE((m.fields -> 'mentions')::jsonb ?| ${texts}, false)`,
    },
  ],
])
const field: FieldLookup = (name) => FIELDS.get(name)

/** What the rooms' newest messages hold that fits a client's filter, the newest first. @throws CoreError INVALID_QUERY */
export async function filterNewest(
  q: Queryable,
  app: string,
  roomIds: readonly string[],
  filter: unknown,
  range: { window: number; limit: number },
): Promise<{ totalCount: number; rows: MessageRow[] }> {
  const parameters = createParameters([app, roomIds, range.window, range.limit])
  const conditions = compileFilter(filter, field, parameters)
  const rows = await q.query<MessageRow & { total: number }>(
    '',
    `SELECT ${MESSAGE_COLUMNS}, count(*) OVER () AS total FROM unnest($2::text[]) AS given (given_id) CROSS JOIN LATERAL (
       SELECT * FROM messages WHERE app = $1 AND room_id = given.given_id ORDER BY seq DESC LIMIT $3
     ) m WHERE ${['NOT m.hidden', ...conditions].join(' AND ')} ORDER BY m.created_at DESC, m.id DESC LIMIT $4`,
    parameters.values,
  )
  return { totalCount: rows[0]?.total ?? 0, rows: rows.map(({ total: _, ...row }) => row) }
}

const MAX_SEQ = '9223372036854775807'

/** What fits a client's filter among a room's last messages before a seq, the newest first. @throws CoreError INVALID_QUERY */
export async function filterRoom(
  q: Queryable,
  app: string,
  roomId: string,
  filter: unknown,
  range: { beforeSeq: number | undefined; window: number; limit: number },
): Promise<MessageRow[]> {
  const parameters = createParameters([app, roomId, range.beforeSeq, range.window, range.limit])
  const conditions = compileFilter(filter, field, parameters)
  return q.query<MessageRow>(
    conditions.length === 0 ? 'messages-before' : '',
    `SELECT ${MESSAGE_COLUMNS} FROM (
       SELECT * FROM messages WHERE app = $1 AND room_id = $2 AND seq < COALESCE($3::bigint, ${MAX_SEQ})
       ORDER BY seq DESC LIMIT $4
     ) m WHERE ${['true', ...conditions].join(' AND ')} ORDER BY m.seq DESC LIMIT $5`,
    parameters.values,
  )
}
