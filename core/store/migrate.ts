import { hash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { type Database, DatabaseError, UNIQUE_VIOLATION } from './database.ts'

type Migration = { version: number; name: string; sql: string; checksum: string }
type Applied = { version: number; name: string; checksum: string }

export class MigrationError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'MigrationError'
  }
}

export const MIGRATIONS_DIRECTORY = new URL('./migrations/', import.meta.url)

/** Taken by every core that migrates this database, until its transaction ends. */
const ADVISORY_LOCK = 'SELECT pg_advisory_xact_lock(7301942)'

/**
 * Brings the database forward, file by file. Cores that start together do it once: the lock makes them wait,
 * and the row that marks a file as applied is inserted before the file runs, in the same transaction.
 * @returns the names applied by this call.
 * @throws MigrationError where the database is ahead of these files, or a file that was applied has changed.
 */
export async function migrate(db: Database, directory: URL = MIGRATIONS_DIRECTORY): Promise<string[]> {
  const migrations = await readMigrations(directory)
  await db.run(`${ADVISORY_LOCK};
    CREATE TABLE IF NOT EXISTS schema_migrations (
      version integer PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`)
  const done: string[] = []
  const applied = await readApplied(db)
  refuseUnknown(applied, migrations)
  for (const migration of migrations) {
    const before = applied.get(migration.version)
    if (before === undefined) {
      if (await apply(db, migration)) done.push(migration.name)
    } else if (before.checksum !== migration.checksum)
      throw new MigrationError(`migration ${before.name} was changed after it had been applied`)
  }
  return done
}

async function apply(db: Database, { version, name, checksum, sql }: Migration): Promise<boolean> {
  try {
    await db.run(`${ADVISORY_LOCK};
      INSERT INTO schema_migrations (version, name, checksum) VALUES (${version}, '${name}', '${checksum}');
      ${sql}`)
    return true
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    const appliedElsewhere =
      error.sqlState === UNIQUE_VIOLATION && error.constraint === 'schema_migrations_pkey'
    if (appliedElsewhere) return false
    throw new MigrationError(`migration ${name} failed`, { cause: error })
  }
}

async function readApplied(db: Database): Promise<Map<number, Applied>> {
  const rows = await db.query<Applied>(
    'migrations-applied',
    'SELECT version, name, checksum FROM schema_migrations ORDER BY version',
  )
  return new Map(rows.map((row) => [row.version, row]))
}

function refuseUnknown(applied: Map<number, Applied>, migrations: Migration[]): void {
  const known = new Set(migrations.map((migration) => migration.version))
  const unknown = [...applied.values()].filter((row) => !known.has(row.version)).map((row) => row.name)
  if (unknown.length > 0)
    throw new MigrationError(
      `the database has the schema of a newer version (${unknown.join(', ')}); start that version or a newer one`,
    )
}

async function readMigrations(directory: URL): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  const migrations = await Promise.all(
    names.map(async (name) => {
      const [, version] = /^(\d{4})-[a-z0-9-]+\.sql$/.exec(name) ?? []
      if (version === undefined) throw new MigrationError(`"${name}" is not named NNNN-name.sql`)
      const sql = await readFile(new URL(name, directory), 'utf8')
      return { version: Number(version), name, sql, checksum: hash('sha256', sql) }
    }),
  )
  const twice = migrations.find((migration, i) => migrations[i - 1]?.version === migration.version)
  if (twice !== undefined) throw new MigrationError(`two migrations have the number of ${twice.name}`)
  return migrations
}
