import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Database } from '../../core/store/database.ts'
import { migrate } from '../../core/store/migrate.ts'
import { openDatabase } from '../../core/store/open-database.ts'
import type { Scope } from '../../test/support/child-process.ts'
import { startPostgres } from '../../test/support/postgres.ts'

export type BenchDatabase = { url: string; db: Database }

const APP = 'bench'
const run = promisify(execFile)

/** A PostgreSQL of its own, with one app; `durable` as in production. */
export async function openBenchDatabase(
  scope: Scope,
  options: { durable: boolean; poolSize: number },
): Promise<BenchDatabase> {
  const { url } = await startPostgres(scope, { dedicated: true, durable: options.durable })
  return { url, db: await openBench(scope, url, options.poolSize) }
}

/** A database with the whole schema and an app. */
export async function openBench(scope: Scope, url: string, poolSize = 1): Promise<Database> {
  const db = await openDatabase(url, { poolSize, statementTimeoutMs: 600_000 })
  scope.teardown(() => db.close())
  await migrate(db)
  await db.query('', 'INSERT INTO apps (id, created_at) VALUES ($1, now())', [APP])
  return db
}

/** Rooms `r1` and so on of one member `u`, the sender of everything. */
export async function addRooms(db: Database, count: number): Promise<void> {
  await db.query(
    '',
    `INSERT INTO users (app, id, created_at, updated_at) VALUES ($1, 'u', now(), now()) ON CONFLICT DO NOTHING`,
    [APP],
  )
  await db.query(
    '',
    `INSERT INTO rooms (app, id, room_type, member_count, active_at, bumped_at, created_at, updated_at)
     SELECT $1, 'r' || i, 'group', 1, now(), now(), now(), now() FROM generate_series(1, $2::int) AS i`,
    [APP, count],
  )
  await db.query(
    '',
    `INSERT INTO members (app, room_id, user_id, joined_seq, joined_at, read_seq, read_counted, sort_at)
     SELECT $1, 'r' || i, 'u', 0, now(), 0, 0, now() - i * interval '1 second'
     FROM generate_series(1, $2::int) AS i`,
    [APP, count],
  )
}

/** So many messages, the rooms `r1` to `r<rooms>` in turn, as a core that has run for a while has them. */
export async function addMessages(db: Database, rooms: number, count: number): Promise<void> {
  await db.query(
    '',
    `INSERT INTO messages (app, room_id, seq, counted, id, sender_id, client_message_id, message_type, message,
       created_at, updated_at)
     SELECT $1, 'r' || (1 + i % $2), 1 + i / $2, 1 + i / $2, lpad(to_hex(i), 24, '0'), 'u', 'c' || i, 'text',
       '"An ordinary message, as long as a message is."', now(), now()
     FROM generate_series(0, $3::int - 1) AS i`,
    [APP, rooms, count],
  )
  await db.query(
    '',
    `UPDATE rooms SET last_seq = $2, counted = $2, message_count = $2, last_message_seq = $2 WHERE app = $1`,
    [APP, Math.floor(count / rooms)],
  )
  await db.query('', 'VACUUM ANALYZE')
}

/** Another member of a room. */
export async function addListener(db: Database, roomId: string, userId: string): Promise<void> {
  await db.query('', `INSERT INTO users (app, id, created_at, updated_at) VALUES ($1, $2, now(), now())`, [
    APP,
    userId,
  ])
  await db.query(
    '',
    `INSERT INTO members (app, room_id, user_id, joined_seq, joined_at, read_seq, read_counted, sort_at)
     VALUES ($1, $2, $3, 0, now(), 0, 0, now())`,
    [APP, roomId, userId],
  )
  await db.query('', 'UPDATE rooms SET member_count = member_count + 1 WHERE app = $1 AND id = $2', [
    APP,
    roomId,
  ])
}

export const benchApp = APP

/** Statements a second of a pgbench script, by so many clients. */
export async function pgbench(
  url: string,
  directory: string,
  script: string,
  options: { clients: number; seconds: number },
): Promise<number> {
  const file = join(directory, 'script.sql')
  await writeFile(file, script)
  const { clients, seconds } = options
  const { stdout } = await run('pgbench', [
    ...['-n', '-M', 'prepared', '-f', file],
    ...['-c', `${clients}`, '-j', '1', '-T', `${seconds}`, url],
  ])
  const [, tps] = /tps = ([\d.]+)/.exec(stdout) ?? []
  if (tps === undefined) throw new Error(`pgbench said nothing of its speed: ${stdout}`)
  return Number(tps)
}
