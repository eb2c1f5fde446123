import type { Database } from '../../../core/store/database.ts'
import type { ContractServer, TestApp } from '../../contract/server.ts'
import type { ApiClient } from '../../support/api-client.ts'
import type { SceneIds } from './endpoint-requests.ts'

/** Who calls. `foreign` and `foreignPlatform` are of an app that has users of the same ids, and none of the rooms. */
export const ROLES = [
  'nobody',
  'clientKey',
  'outsider',
  'member',
  'blocked',
  'manager',
  'owner',
  'foreign',
  'platform',
  'acting',
  'foreignPlatform',
] as const
export type Role = (typeof ROLES)[number]

export type Scene = { app: TestApp; foreign: TestApp; ids: SceneIds }

/** A room with everyone in it that the roles need, their group, and what endpoints take away. */
export async function furnish(app: TestApp): Promise<SceneIds> {
  const platform = app.platform()
  const people = ['outsider', 'member', 'blocked', 'manager', 'owner', 'spare', 'invited']
  await platform.ok('POST', '/admin/clients/list', {
    data: people.map((id) => ({ _id: id, nickname: id[0]?.toUpperCase() + id.slice(1) })),
  })
  const inside = ['member', 'blocked', 'manager', 'spare']
  const owner = app.user('owner')
  await owner.ok('POST', '/rooms/createAndJoin', {
    _id: 'room',
    name: 'Room',
    roomTags: ['tag'],
    invitee: inside,
  })
  await owner.ok('PUT', '/rooms/room', { managers: ['manager'] })
  await owner.ok('POST', '/rooms/room/members', { invitees: ['invited'], invitationRequired: true })
  const message = await app.user('spare').ok('POST', '/rooms/room/message', { message: 'hello' })
  const streamed = await owner.ok('POST', '/rooms/room/message', {
    messageType: 'ai_streaming',
    message: 'hello again',
    text: '',
  })
  await platform.ok('POST', '/admin/groups', {
    _id: 'team',
    nickname: 'Team',
    members: ['member', 'blocked', 'manager', 'owner'],
  })
  await owner.ok('POST', '/roomPrefs/room/group/team', { sticky: true })
  await owner.ok('POST', '/blockStatus/room/room/blocked')
  await platform.ok('POST', '/config', { featureFlags: { a: true } })
  return { message: String(message._id), streamed: String(streamed._id) }
}

/** What is named by more than its app, and so cannot be copied from one app to another. */
const NOT_COPIED = new Set([
  'tokens',
  'platform_keys',
  'client_keys',
  'credential_changes',
  'outbox',
  'webhook_deliveries',
  'push_jobs',
])

/** Every table whose rows belong to an app, with its columns. */
export async function tablesOfApps(db: Database): Promise<Map<string, string[]>> {
  const rows = await db.query<{ table: string; columns: string[] }>(
    '',
    `SELECT c.table_name::text AS table, array_agg(c.column_name::text ORDER BY c.ordinal_position) AS columns
     FROM information_schema.columns c
     JOIN pg_class k ON k.relname = c.table_name AND NOT k.relispartition AND k.relkind IN ('r', 'p')
     WHERE c.table_schema = 'public' GROUP BY c.table_name HAVING bool_or(c.column_name = 'app')`,
  )
  return new Map(rows.map(({ table, columns }) => [table, columns]))
}

export type Copier = (from: string, to: string) => Promise<void>

/** Gives an app everything that another has: a scene in one step, where furnishing takes twenty. */
export async function createCopier(db: Database): Promise<Copier> {
  const tables = [...(await tablesOfApps(db))].filter(([table]) => !NOT_COPIED.has(table))
  // Users first: others refer to them.
  tables.sort(([a], [b]) => Number(b === 'users') - Number(a === 'users'))
  return (from, to) =>
    db.run(
      tables
        .map(([table, columns]) => {
          const values = columns.map((column) => (column === 'app' ? `'${to}'` : column))
          return `INSERT INTO ${table} (${columns.join(', ')}) SELECT ${values.join(', ')} FROM ${table} WHERE app = '${from}'`
        })
        .join(';\n'),
    )
}

export function clientOf(server: ContractServer, { app, foreign }: Scene, role: Role): ApiClient {
  switch (role) {
    case 'nobody':
      return server.as({ kind: 'anonymous', app: undefined })
    case 'clientKey':
      return server.as({ kind: 'anonymous', app: app.app })
    case 'platform':
      return app.platform()
    case 'acting':
      return app.platform('member')
    case 'foreign':
      return foreign.user('owner')
    case 'foreignPlatform':
      return foreign.platform('owner')
    default:
      return app.user(role)
  }
}
