import type { User } from '../chat/model.ts'
import { given, jsonText } from './columns.ts'
import type { Queryable } from './database.ts'

export type UserRow = {
  app: string
  id: string
  nickname: string | null
  avatarUrl: string | null
  email: string | null
  description: string | null
  publicKey: string | null
  clientType: 'user' | 'group'
  isRobot: boolean
  notificationEnabled: boolean
  mutedRoomIds: string[]
  custom: Record<string, unknown>
  lastLoginAt: Date | null
  lastActiveAt: Date | null
  createdAt: Date
  updatedAt: Date
}

/** What a customer or the user may write; absent = keep, null = clear. Custom fields are merged, one by one. */
export type Profile = {
  nickname?: string | null
  avatarUrl?: string | null
  email?: string | null
  description?: string | null
  publicKey?: string | null
  isRobot?: boolean
  notificationEnabled?: boolean
  custom?: Record<string, unknown>
}

export const USER_COLUMNS = `u.app, u.id, u.nickname, u.avatar_url AS "avatarUrl", u.email, u.description,
  u.public_key AS "publicKey", u.client_type AS "clientType", u.is_robot AS "isRobot",
  u.notification_enabled AS "notificationEnabled", u.muted_room_ids AS "mutedRoomIds", u.custom,
  u.last_login_at AS "lastLoginAt", u.last_active_at AS "lastActiveAt",
  u.created_at AS "createdAt", u.updated_at AS "updatedAt"`

export const toUser = (row: UserRow): User => ({
  app: row.app,
  id: row.id,
  nickname: given(row.nickname),
  avatarUrl: given(row.avatarUrl),
  email: given(row.email),
  description: given(row.description),
  publicKey: given(row.publicKey),
  clientType: row.clientType,
  isRobot: row.isRobot,
  notificationEnabled: row.notificationEnabled,
  mutedRoomIds: row.mutedRoomIds,
  custom: row.custom,
  lastLoginAt: given(row.lastLoginAt),
  lastActiveAt: given(row.lastActiveAt),
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
})

/** In the order of the ids; those of nobody are left out. */
export async function findUsers(q: Queryable, app: string, ids: readonly string[]): Promise<User[]> {
  if (ids.length === 0) return []
  const rows = await q.query<UserRow>(
    'users-by-id',
    `SELECT ${USER_COLUMNS} FROM users u WHERE u.app = $1 AND u.id = ANY($2::text[])`,
    [app, ids],
  )
  const found = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => {
    const row = found.get(id)
    return row === undefined ? [] : [toUser(row)]
  })
}

/** Creates the rows that are missing, with nothing but their id. Sorted, so that two of these cannot deadlock. */
export async function ensureUsers(
  q: Queryable,
  app: string,
  ids: readonly string[],
  at: Date,
): Promise<void> {
  if (ids.length === 0) return
  await q.query(
    'users-ensure',
    `INSERT INTO users (app, id, created_at, updated_at)
     SELECT $1, id, $3, $3 FROM unnest($2::text[]) AS id ORDER BY id COLLATE "C"
     ON CONFLICT (app, id) DO NOTHING`,
    [app, ids, at],
  )
}

export async function upsertUser(
  q: Queryable,
  app: string,
  id: string,
  profile: Profile,
  at: Date,
): Promise<User> {
  const named = Object.keys(profile).filter((key) => profile[key as keyof Profile] !== undefined)
  const [row] = await q.query<UserRow>(
    'users-upsert',
    `INSERT INTO users AS u (app, id, nickname, avatar_url, email, description, public_key, is_robot,
       notification_enabled, custom, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, COALESCE($8::boolean, false), COALESCE($9::boolean, true),
       COALESCE($10::jsonb, '{}'), $11, $11)
     ON CONFLICT (app, id) DO UPDATE SET
       nickname = CASE WHEN 'nickname' = ANY($12::text[]) THEN excluded.nickname ELSE u.nickname END,
       avatar_url = CASE WHEN 'avatarUrl' = ANY($12) THEN excluded.avatar_url ELSE u.avatar_url END,
       email = CASE WHEN 'email' = ANY($12) THEN excluded.email ELSE u.email END,
       description = CASE WHEN 'description' = ANY($12) THEN excluded.description ELSE u.description END,
       public_key = CASE WHEN 'publicKey' = ANY($12) THEN excluded.public_key ELSE u.public_key END,
       is_robot = COALESCE($8, u.is_robot),
       notification_enabled = COALESCE($9, u.notification_enabled),
       custom = u.custom || excluded.custom,
       updated_at = excluded.updated_at
     RETURNING ${USER_COLUMNS}`,
    [
      app,
      id,
      profile.nickname,
      profile.avatarUrl,
      profile.email,
      profile.description,
      profile.publicKey,
      profile.isRobot,
      profile.notificationEnabled,
      jsonText(profile.custom),
      at,
      named,
    ],
  )
  return toUser(row!)
}

export async function setMuted(
  q: Queryable,
  app: string,
  id: string,
  roomId: string,
  muted: boolean,
): Promise<User | undefined> {
  const [row] = await q.query<UserRow>(
    muted ? 'users-mute' : 'users-unmute',
    `UPDATE users u SET muted_room_ids = array_remove(muted_room_ids, $3) ${muted ? '|| $3::text' : ''}
     WHERE app = $1 AND id = $2 RETURNING ${USER_COLUMNS}`,
    [app, id, roomId],
  )
  return row && toUser(row)
}

/** A login of a user that we may never have seen. */
export async function touchLogin(
  q: Queryable,
  app: string,
  id: string,
  from: { address: Record<string, unknown> | undefined; userAgent: string | undefined },
  at: Date,
): Promise<User> {
  const [row] = await q.query<UserRow>(
    'users-login',
    `INSERT INTO users AS u (app, id, address, user_agent, last_login_at, last_active_at, created_at, updated_at)
     VALUES ($1, $2, $3::jsonb, $4, $5, $5, $5, $5)
     ON CONFLICT (app, id) DO UPDATE SET address = COALESCE(excluded.address, u.address),
       user_agent = COALESCE(excluded.user_agent, u.user_agent),
       last_login_at = excluded.last_login_at, last_active_at = excluded.last_active_at
     RETURNING ${USER_COLUMNS}`,
    [app, id, jsonText(from.address), from.userAgent, at],
  )
  return toUser(row!)
}
