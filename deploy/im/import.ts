import { readdir } from 'node:fs/promises'
import { CoreError } from '../../core/errors.ts'
import { type Database, DatabaseError } from '../../core/store/database.ts'
import { DirectoryLockedError } from '../../core/store/directory-lock.ts'
import { IMPORT_TABLES } from '../../core/store/import.ts'
import { MIGRATIONS_DIRECTORY } from '../../core/store/migrate.ts'
import { openDatabase, parseDatabaseUrl } from '../../core/store/open-database.ts'
import { type Answer, type Call, type Command, FailedError, UsageError } from './command.ts'
import { type Examination, examine, findExport } from './import/export-files.ts'
import { type Taken, takeOver } from './import/take-over.ts'
import { createProgress, type Progress } from './progress.ts'
import { codeOf } from './secrets.ts'

export const importCommand: Command = {
  name: 'import',
  says: 'take over users, tokens, rooms, members and messages that another deployment exported',
  takes: ['<file|directory>'],
  options: {
    app: { value: 'app', says: 'into this app, which must be there' },
    'dry-run': { says: 'only look whether it could be imported' },
  },
  notes:
    'It writes to DATABASE_URL itself. All of the export is looked at before anything is written; what is there already\n' +
    'stays as it is. Stopped, or killed, it goes on where it was when it is called again. The format: docs/migration.md.\n' +
    'Exit code 1 if the export has a fault (one line each, file:line: what), or not all of it could be imported.',
  async run(call) {
    const app = call.text('app')
    if (app === undefined) throw new UsageError('into which app? --app <app>')
    const [path = ''] = call.positionals
    const url = databaseUrl(call)
    const files = await findExport(path)
    const progress = createProgress(call.terminal.messages)
    let db: Database | undefined
    try {
      db = await openDatabase(url)
      await checkSchema(db, app)
      const whole = files.reduce((sum, { bytes }) => sum + bytes, 0)
      let read = 0
      const examination = await examine(files, knownIn(db, app), (bytes) => {
        read += bytes
        progress.at(read, whole, 'looking at it')
      })
      if (examination.problems.length > 0) return refused(examination)
      if (call.flag('dry-run'))
        return { json: { ...examination.counts, imported: false }, shown: found(examination) }
      await db.run(IMPORT_TABLES)
      return outcome(await write(db, app, examination, progress, call), examination)
    } catch (error) {
      throw explained(error)
    } finally {
      progress.end()
      await db?.close()
    }
  },
}

function databaseUrl(call: Call): string {
  const url = call.terminal.env.DATABASE_URL?.trim()
  if (!url) throw new UsageError('DATABASE_URL is not set: name the database that the cores use')
  try {
    parseDatabaseUrl(url)
  } catch (error) {
    throw new UsageError(`DATABASE_URL: ${error instanceof Error ? error.message : 'is not valid'}`)
  }
  return url
}

/** @throws FailedError */
async function checkSchema(db: Database, app: string): Promise<void> {
  const files = (await readdir(MIGRATIONS_DIRECTORY)).filter((name) => name.endsWith('.sql'))
  const [table] = await db.query<{ is: boolean }>(
    'import-has-schema',
    `SELECT to_regclass('schema_migrations') IS NOT NULL AS is`,
  )
  const rows = table?.is
    ? await db.query<{ name: string }>('import-schema', 'SELECT name FROM schema_migrations')
    : []
  const applied = new Set(rows.map(({ name }) => name))
  const isSame = applied.size === files.length && files.every((name) => applied.has(name))
  if (!isSame)
    throw new FailedError(
      'the database has not the schema of this release: start a core of it first, or use the im of the core’s release',
    )
  const [known] = await db.query('import-app', 'SELECT 1 FROM apps WHERE id = $1', [app])
  if (known === undefined) throw new FailedError(`there is no app "${app}": im apps create ${app}`)
}

function knownIn(db: Database, app: string) {
  const lookup = (table: 'users' | 'rooms') => async (ids: string[]) => {
    const rows = await db.query<{ id: string }>(
      `import-known-${table}`,
      `SELECT id FROM ${table} WHERE app = $1 AND id = ANY($2::text[])`,
      [app, ids],
    )
    return new Set(rows.map(({ id }) => id))
  }
  return { users: lookup('users'), rooms: lookup('rooms') }
}

async function write(
  db: Database,
  app: string,
  { files }: Examination,
  progress: Progress,
  call: Call,
): Promise<Taken> {
  const lines = files.reduce((sum, file) => sum + file.lines, 0)
  return takeOver(db, app, files, {
    lines: (done) => progress.at(done, lines, `${done} of ${lines} lines`),
    rooms: (done, whole) => progress.at(done, whole, `messages of ${done} of ${whole} rooms in their order`),
    stopped: call.terminal.stopped,
  })
}

const listed = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}${count === 1 ? '' : 's'}`)
    .join(', ')

const found = ({ counts }: Examination): string =>
  `${listed(counts)}: could be imported. Nothing was written.`

function refused({ problems }: Examination): Answer {
  const shown = [...problems, '', 'Nothing was imported.'].join('\n')
  return { json: { imported: false, problems }, shown, failed: true }
}

function outcome({ added, before, late, stopped }: Taken, { counts }: Examination): Answer {
  const lateLines = Object.entries(late).map(
    ([room, count]) => `room ${room}: ${count} messages are older than what it has, and were left out`,
  )
  const shown = [
    `new: ${listed(added)}`,
    ...(before > 0 ? [`an earlier run had taken over ${before} lines`] : []),
    ...lateLines,
    stopped ? 'Stopped. The same command goes on from here.' : 'Imported.',
  ].join('\n')
  return {
    json: { imported: !stopped, found: counts, added, before, late },
    shown,
    failed: stopped || lateLines.length > 0,
  }
}

function explained(error: unknown): unknown {
  if (error instanceof DirectoryLockedError)
    return new FailedError(`${error.message}: stop the core first`, { cause: error })
  if (error instanceof CoreError)
    return new FailedError(
      `the database cannot be used (${codeOf(error)}): is it running? (DATABASE_URL) What was written stays; call this again`,
      { cause: error },
    )
  if (error instanceof DatabaseError)
    return new FailedError(`the database refused a statement (${error.sqlState}); nothing of it was kept`, {
      cause: error,
    })
  return error
}
