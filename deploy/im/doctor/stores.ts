import { readdir } from 'node:fs/promises'
import { Client } from 'pg'
import { openRedis } from '#contract/redis.ts'
import { MIGRATIONS_DIRECTORY } from '../../../core/store/migrate.ts'
import { codeOf } from '../secrets.ts'
import { type Finding, IN_TIME_MS, ok, problem, skipped, warning } from './finding.ts'

export async function checkRedis(url: string | undefined): Promise<Finding> {
  if (url === undefined) return skipped('Redis', 'REDIS_URL is not set: right for one gateway and one core')
  const redis = openRedis(url, {
    lazyConnect: true,
    connectTimeout: IN_TIME_MS,
    commandTimeout: IN_TIME_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  // What `connect` rejects with does not say why.
  let why: unknown
  redis.on('error', (error) => {
    why = error
  })
  try {
    await redis.connect()
    await redis.ping()
    return ok('Redis', 'answers')
  } catch (error) {
    const todo =
      'start it, or mend REDIS_URL; meanwhile everything is slower and sockets of other cores miss events until they catch up'
    return problem('Redis', `cannot be used (${codeOf(why ?? error)})`, todo)
  } finally {
    redis.disconnect()
  }
}

export async function checkPostgres(url: string): Promise<Finding[]> {
  if (!url.startsWith('postgres')) return [skipped('PostgreSQL', 'the core has its own database, PGlite')]
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: IN_TIME_MS,
    query_timeout: IN_TIME_MS,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ ms: string; replica: boolean }>(
      'SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms, pg_is_in_recovery() AS replica',
    )
    const [row] = rows
    const isReplica = row?.replica === true
    return [
      isReplica
        ? problem('PostgreSQL', 'is a replica that cannot be written to', 'let DATABASE_URL name the primary')
        : ok('PostgreSQL', 'answers'),
      await checkMigrations(client),
    ]
  } catch (error) {
    return [
      problem(
        'PostgreSQL',
        `cannot be used (${codeOf(error)})`,
        'start it, or mend DATABASE_URL: without it the core serves nobody',
      ),
    ]
  } finally {
    await client.end().catch(() => {})
  }
}

async function checkMigrations(client: Client): Promise<Finding> {
  const files = await readdir(MIGRATIONS_DIRECTORY)
  const known = files.flatMap((name) => (/^\d+-.*\.sql$/.test(name) ? [Number.parseInt(name, 10)] : []))
  const exists = await client.query("SELECT to_regclass('schema_migrations') AS it")
  if (exists.rows[0]?.it === null)
    return warning('database schema', 'is not there yet', 'start a core: it makes the schema')
  const { rows } = await client.query<{ version: number }>('SELECT version FROM schema_migrations')
  const applied = new Set(rows.map(({ version }) => version))
  const ahead = [...applied].filter((version) => !known.includes(version))
  const behind = known.filter((version) => !applied.has(version))
  if (ahead.length > 0)
    return problem(
      'database schema',
      `is of a newer release (${ahead.join(', ')})`,
      'start cores of that release; a schema never goes back',
    )
  if (behind.length > 0)
    return warning(
      'database schema',
      `is ${behind.length} steps behind this release`,
      'start a core of this release: it brings it forward',
    )
  return ok('database schema', 'is of this release')
}
