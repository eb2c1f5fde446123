import type { User } from '../chat/model.ts'
import type { Queryable } from './database.ts'
import { compileFilter, createParameters, type FieldLookup, type FilterField, textSet } from './filter.ts'
import { toUser, USER_COLUMNS, type UserRow } from './users.ts'

const text = (sql: string): FilterField => ({ kind: 'scalar', type: 'text', sql })
const date = (sql: string): FilterField => ({ kind: 'scalar', type: 'timestamptz', sql })

const COLUMNS = new Map<string, FilterField>([
  ['_id', text('u.id')],
  ['id', text('u.id')],
  ['nickname', text('u.nickname')],
  ['avatarUrl', text('u.avatar_url')],
  ['email', text('u.email')],
  ['description', text('u.description')],
  ['publicKey', text('u.public_key')],
  ['clientType', text('u.client_type')],
  ['isRobot', { kind: 'scalar', type: 'boolean', sql: 'u.is_robot' }],
  ['notificationEnabled', { kind: 'scalar', type: 'boolean', sql: 'u.notification_enabled' }],
  ['mute', textSet('u.muted_room_ids')],
  ['lastLoginTime', date('u.last_login_at')],
  ['lastActiveTime', date('u.last_active_at')],
  ['lastJoinOrCreateRoomTime', date('u.last_room_at')],
  ['createdAt', date('u.created_at')],
  ['updatedAt', date('u.updated_at')],
])

/** Names that are not columns ask for custom fields. */
const field: FieldLookup = (name, parameters) =>
  COLUMNS.get(name) ??
  (/^[\w-]{1,64}$/.test(name)
    ? { kind: 'scalar', type: 'jsonb', sql: `(u.custom -> ${parameters.add(name)}::text)` }
    : undefined)

export async function listUsers(
  q: Queryable,
  app: string,
  filter: unknown,
  page: { skip: number; limit: number },
): Promise<{ totalCount: number; users: User[] }> {
  const parameters = createParameters([app])
  const where = ['u.app = $1', ...compileFilter(filter, field, parameters)].join(' AND ')
  const [count] = await q.query<{ total: number }>(
    '',
    `SELECT count(*) AS total FROM users u WHERE ${where}`,
    parameters.values,
  )
  const rows = await q.query<UserRow>(
    '',
    `SELECT ${USER_COLUMNS} FROM users u WHERE ${where} ORDER BY u.created_at DESC, u.id
     LIMIT ${parameters.add(page.limit)} OFFSET ${parameters.add(page.skip)}`,
    parameters.values,
  )
  return { totalCount: count?.total ?? 0, users: rows.map(toUser) }
}
