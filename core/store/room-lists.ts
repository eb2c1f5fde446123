import type { Queryable } from './database.ts'
import {
  compileFilter,
  createParameters,
  type FieldLookup,
  type FilterField,
  type Parameters,
  textSet,
} from './filter.ts'
import { PREFS_OF_ROOM } from './room-prefs.ts'

export type RoomSort = { by: 'activity' | 'createdTime' | 'updatedTime' | 'name' | 'id'; descending: boolean }

export type RoomListRequest = {
  /** Whose rooms; undefined lists every room of the app. */
  userId: string | undefined
  filter: Record<string, unknown>
  prefFilter: Record<string, unknown>
  updatedAfter: Date | undefined
  sort: RoomSort[]
  unreadFirst: boolean
  skip: number
  limit: number
}

export type RoomIdPage = { totalCount: number; ids: string[] }

const text = (sql: string): FilterField => ({ kind: 'scalar', type: 'text', sql })
const flag = (sql: string): FilterField => ({ kind: 'scalar', type: 'boolean', sql })
const integer = (sql: string): FilterField => ({ kind: 'scalar', type: 'integer', sql })
const date = (sql: string): FilterField => ({ kind: 'scalar', type: 'timestamptz', sql })

const ROOM_FIELDS = new Map<string, FilterField>([
  ['_id', text('r.id')],
  ['id', text('r.id')],
  ['name', text('r.name')],
  ['cover', text('r.cover')],
  ['description', text('r.description')],
  ['roomType', text('r.room_type')],
  ['owner', text('r.owner_id')],
  ['managers', textSet('r.manager_ids')],
  ['status', integer('r.status')],
  ['opening', integer('r.opening')],
  ['encrypted', flag('r.encrypted')],
  ['botMode', flag('r.bot_mode')],
  ['botState', text('r.bot_state')],
  ['extParams', text('r.ext_params')],
  ['serviceStatus', integer('r.service_status')],
  ['assignTo', text('r.assign_to')],
  ['refRoom', text('r.ref_room')],
  ['isPublic', flag('r.is_public')],
  ['createdTime', date('r.created_at')],
  ['updatedTime', date('r.updated_at')],
  ['roomTags', textSet('r.room_tags')],
  [
    'members',
    {
      kind: 'set',
      hasAny: (texts) =>
        `EXISTS (SELECT FROM members o WHERE o.app = r.app AND o.room_id = r.id AND o.user_id = ANY(${texts}))`,
    },
  ],
])

const PREF_FIELDS = new Map<string, FilterField>([
  ['room', text('r.id')],
  [
    'tags',
    {
      kind: 'set',
      hasAny: (texts) =>
        `EXISTS (SELECT FROM jsonb_array_elements(p.tags) said WHERE said.value ?| ${texts})`,
    },
  ],
  ['folder', text('p.folder')],
  ['muted', flag('COALESCE(p.muted, false)')],
  ['sticky', flag('COALESCE(p.sticky, false)')],
  ['hidden', flag('COALESCE(p.hidden, false)')],
  ['translation', flag('COALESCE(p.translation, true)')],
  ['quittedAt', date('p.quitted_at')],
])

const roomField: FieldLookup = (name) => ROOM_FIELDS.get(name)
const prefField: FieldLookup = (name) => PREF_FIELDS.get(name)

const SORT_COLUMNS: Record<RoomSort['by'], string> = {
  activity: 'r.active_at',
  createdTime: 'r.created_at',
  updatedTime: 'r.updated_at',
  name: 'r.name',
  id: 'r.id',
}

/** @throws CoreError INVALID_QUERY */
export async function listRoomIds(q: Queryable, app: string, request: RoomListRequest): Promise<RoomIdPage> {
  return isPlain(request)
    ? listRecent(q, app, request.userId!, request.skip, request.limit)
    : listFiltered(q, app, request)
}

const isPlain = (request: RoomListRequest): boolean =>
  request.userId !== undefined &&
  !request.unreadFirst &&
  request.updatedAfter === undefined &&
  Object.keys(request.filter).length === 0 &&
  Object.keys(request.prefFilter).length === 0 &&
  request.sort.every(({ by, descending }) => by === 'activity' && descending)

/**
 * A user's rooms by activity, from the members' index alone. A sort_at is at most a second late and never early, so
 * the first n rooms are among those within a second of the n-th sort_at, and the large rooms ('infinity'). OFFSET 0
 * keeps the planner, which takes them for a third of the user's rooms, from reading every room to join these.
 */
async function listRecent(
  q: Queryable,
  app: string,
  userId: string,
  skip: number,
  limit: number,
): Promise<RoomIdPage> {
  const [page] = await q.query<RoomIdPage>(
    'rooms-recent',
    `WITH last AS (
       SELECT m.sort_at FROM members m
       WHERE m.app = $1 AND m.user_id = $2 AND m.sort_at > '-infinity' AND m.sort_at < 'infinity'
       ORDER BY m.sort_at DESC OFFSET $3::int + $4::int - 1 LIMIT 1
     ), near AS (
       SELECT m.room_id FROM members m
       WHERE m.app = $1 AND m.user_id = $2 AND m.sort_at > '-infinity'
         AND m.sort_at >= COALESCE((SELECT sort_at - interval '1 second' FROM last), '-infinity')
       ORDER BY m.sort_at DESC OFFSET 0
     )
     SELECT (
         SELECT count(*) FROM members m WHERE m.app = $1 AND m.user_id = $2 AND m.sort_at > '-infinity'
       ) AS "totalCount",
       ARRAY(
         SELECT r.id FROM near CROSS JOIN LATERAL (
           SELECT r.id, r.active_at FROM rooms r WHERE r.app = $1 AND r.id = near.room_id OFFSET 0
         ) r
         ORDER BY r.active_at DESC, r.id OFFSET $3::int LIMIT $4::int
       ) AS ids`,
    [app, userId, skip, limit],
  )
  return page!
}

async function listFiltered(q: Queryable, app: string, request: RoomListRequest): Promise<RoomIdPage> {
  const parameters = createParameters([app, request.userId])
  const where = [
    'r.app = $1',
    ...compileFilter(request.filter, roomField, parameters),
    ...compileFilter(request.prefFilter, prefField, parameters),
    ...recentCondition(request.updatedAfter, parameters),
  ]
  if (request.userId !== undefined) where.push('m.user_id IS NOT NULL', 'r.status = 1')
  const from = `rooms r
    LEFT JOIN members m ON m.app = r.app AND m.room_id = r.id AND m.user_id = $2::text
    ${Object.keys(request.prefFilter).length === 0 ? '' : PREFS_OF_ROOM}
    WHERE ${where.join(' AND ')}`
  const [count] = await q.query<{ total: number }>(
    '',
    `SELECT count(*) AS total FROM ${from}`,
    parameters.values,
  )
  const order = [
    ...(request.unreadFirst ? ['(COALESCE(r.counted - m.read_counted, 0) > 0) DESC'] : []),
    ...request.sort.map(
      ({ by, descending }) => `${SORT_COLUMNS[by]} ${descending ? 'DESC' : 'ASC'} NULLS LAST`,
    ),
    'r.id',
  ]
  const rows = await q.query<{ id: string }>(
    '',
    `SELECT r.id FROM ${from} ORDER BY ${order.join(', ')}
     OFFSET ${parameters.add(request.skip)} LIMIT ${parameters.add(request.limit)}`,
    parameters.values,
  )
  return { totalCount: count?.total ?? 0, ids: rows.map((row) => row.id) }
}

/** Activity is never before creation, so this is "a message since, or created since". */
const recentCondition = (after: Date | undefined, parameters: Parameters): string[] =>
  after === undefined ? [] : [`r.active_at > ${parameters.add(after)}::timestamptz`]
