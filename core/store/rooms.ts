import type { Queryable } from './database.ts'

export type RoomRow = {
  app: string
  id: string
  roomType: 'direct' | 'group' | 'custom'
  name: string | null
  cover: string | null
  description: string | null
  ownerId: string | null
  managerIds: string[]
  pair: string[] | null
  status: 0 | 1
  opening: 0 | 1
  roomTags: string[]
  webhook: string | null
  botMode: boolean | null
  botState: string | null
  encrypted: boolean
  extParams: string | null
  serviceStatus: number | null
  assignTo: string | null
  refRoom: string | null
  isPublic: boolean | null
  /** Those of the members that are groups. */
  groupIds: string[]
  memberCount: number
  lastSeq: number
  evSeq: number
  counted: number
  messageCount: number
  lastMessageSeq: number | null
  createdAt: Date
  updatedAt: Date
}

/** What can be written of a room; absent = keep, null = clear. */
export type RoomFields = {
  name?: string | null
  cover?: string | null
  description?: string | null
  ownerId?: string | null
  managerIds?: string[]
  status?: 0 | 1
  opening?: 0 | 1
  roomTags?: string[]
  webhook?: string | null
  botMode?: boolean | null
  botState?: string | null
  encrypted?: boolean
  extParams?: string | null
  serviceStatus?: number | null
  assignTo?: string | null
  refRoom?: string | null
  isPublic?: boolean | null
}

const ROOM_COLUMNS = `r.app, r.id, r.room_type AS "roomType", r.name, r.cover, r.description, r.owner_id AS "ownerId",
  r.manager_ids AS "managerIds", r.pair, r.status, r.opening, r.room_tags AS "roomTags", r.webhook,
  r.bot_mode AS "botMode", r.bot_state AS "botState", r.encrypted, r.ext_params AS "extParams",
  r.service_status AS "serviceStatus", r.assign_to AS "assignTo", r.ref_room AS "refRoom", r.is_public AS "isPublic",
  r.group_ids AS "groupIds", r.member_count AS "memberCount", r.last_seq AS "lastSeq", r.ev_seq AS "evSeq", r.counted, r.message_count AS "messageCount",
  r.last_message_seq AS "lastMessageSeq", r.created_at AS "createdAt", r.updated_at AS "updatedAt"`

export async function findRooms(q: Queryable, app: string, ids: readonly string[]): Promise<RoomRow[]> {
  if (ids.length === 0) return []
  return q.query<RoomRow>(
    'rooms-by-id',
    `SELECT ${ROOM_COLUMNS} FROM rooms r WHERE r.app = $1 AND r.id = ANY($2::text[])`,
    [app, ids],
  )
}

/** Holds the room until the transaction ends: first lock of everything that changes its members. */
export async function lockRoom(tx: Queryable, app: string, id: string): Promise<RoomRow | undefined> {
  const [row] = await tx.query<RoomRow>(
    'rooms-lock',
    `SELECT ${ROOM_COLUMNS} FROM rooms r WHERE r.app = $1 AND r.id = $2 FOR UPDATE`,
    [app, id],
  )
  return row
}

/** Makes those who open the same pair's room wait for each other, whatever ids they came with. */
export async function lockPair(tx: Queryable, app: string, pair: readonly string[]): Promise<void> {
  await tx.query('rooms-lock-pair', 'SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [
    JSON.stringify([app, ...pair]),
  ])
}

export async function findPairRoom(
  q: Queryable,
  app: string,
  pair: readonly string[],
): Promise<string | undefined> {
  const [row] = await q.query<{ id: string }>(
    'rooms-of-pair',
    `SELECT id FROM rooms WHERE app = $1 AND pair = $2::text[] AND room_type = 'direct'
     ORDER BY created_at, id LIMIT 1`,
    [app, pair],
  )
  return row?.id
}

/** @returns whether it was created; false where a room has this id. */
export async function insertRoom(
  tx: Queryable,
  app: string,
  room: { id: string; roomType: RoomRow['roomType']; pair: readonly string[] | undefined } & RoomFields,
  at: Date,
): Promise<boolean> {
  const rows = await tx.query(
    'rooms-insert',
    `INSERT INTO rooms (app, id, room_type, name, cover, description, owner_id, pair, room_tags, webhook,
       bot_mode, encrypted, ext_params, service_status, assign_to, ref_room, is_public,
       active_at, bumped_at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text[], COALESCE($9::text[], '{}'), $10, $11::boolean,
       COALESCE($12::boolean, false), $13, $15::int, $16, $17, $18::boolean, $14, $14, $14, $14)
     ON CONFLICT (app, id) DO NOTHING RETURNING id`,
    [
      app,
      room.id,
      room.roomType,
      room.name,
      room.cover,
      room.description,
      room.ownerId,
      room.pair,
      room.roomTags,
      room.webhook,
      room.botMode,
      room.encrypted,
      room.extParams,
      at,
      room.serviceStatus,
      room.assignTo,
      room.refRoom,
      room.isPublic,
    ],
  )
  return rows.length === 1
}

const FIELD_COLUMNS: ReadonlyArray<[keyof RoomFields, string]> = [
  ['name', 'name'],
  ['cover', 'cover'],
  ['description', 'description'],
  ['ownerId', 'owner_id'],
  ['managerIds', 'manager_ids'],
  ['status', 'status'],
  ['opening', 'opening'],
  ['roomTags', 'room_tags'],
  ['webhook', 'webhook'],
  ['botMode', 'bot_mode'],
  ['botState', 'bot_state'],
  ['encrypted', 'encrypted'],
  ['extParams', 'ext_params'],
  ['serviceStatus', 'service_status'],
  ['assignTo', 'assign_to'],
  ['refRoom', 'ref_room'],
  ['isPublic', 'is_public'],
]

export async function updateRoom(
  tx: Queryable,
  app: string,
  id: string,
  fields: RoomFields,
  at: Date,
): Promise<void> {
  const values: unknown[] = [app, id, at]
  const assignments = FIELD_COLUMNS.filter(([field]) => fields[field] !== undefined).map(
    ([field, column]) => `${column} = $${values.push(fields[field])}`,
  )
  await tx.query(
    '',
    `UPDATE rooms SET ${[...assignments, 'updated_at = $3'].join(', ')} WHERE app = $1 AND id = $2`,
    values,
  )
}

/** Takes the room and all of its own away. @returns whether there was one. */
export async function deleteRoom(tx: Queryable, app: string, id: string): Promise<boolean> {
  const deleted = await tx.query(
    'rooms-delete',
    'DELETE FROM rooms WHERE app = $1 AND id = $2 RETURNING id',
    [app, id],
  )
  for (const table of DEPENDENT_TABLES)
    await tx.query(`rooms-delete-${table}`, `DELETE FROM ${table} WHERE app = $1 AND room_id = $2`, [app, id])
  return deleted.length === 1
}

const DEPENDENT_TABLES = [
  'members',
  'messages',
  'reactions',
  'room_events',
  'user_deletions',
  'user_clearings',
  'deleted_messages',
  'file_rooms',
  'room_prefs',
  'invitations',
  'blocks',
] as const

export async function roomMessageCount(q: Queryable, app: string, id: string): Promise<number> {
  const [row] = await q.query<{ count: number }>(
    'rooms-message-count',
    'SELECT message_count AS count FROM rooms WHERE app = $1 AND id = $2',
    [app, id],
  )
  return row?.count ?? 0
}
