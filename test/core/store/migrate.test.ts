import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { MigrationError, migrate } from '../../../core/store/migrate.ts'
import { openDatabase } from '../../../core/store/open-database.ts'
import type { Scope } from '../../support/child-process.ts'
import { startPostgres } from '../../support/postgres.ts'

async function makeMigrations(t: Scope, files: Record<string, string>): Promise<URL> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-migrations-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  for (const [name, sql] of Object.entries(files)) await writeFile(join(directory, name), sql)
  return pathToFileURL(`${directory}/`)
}

const FIRST = { '0001-first.sql': 'CREATE TABLE first (a integer); INSERT INTO first VALUES (1)' }
const SECOND = { '0002-second.sql': 'CREATE TABLE second (a integer)' }

t.test('files are applied in order, once, and only what is new later', async (t) => {
  const db = await openDatabase((await startPostgres(t)).url)
  t.teardown(() => db.close())
  t.strictSame(await migrate(db, await makeMigrations(t, FIRST)), ['0001-first.sql'])
  t.strictSame(await migrate(db, await makeMigrations(t, { ...FIRST, ...SECOND })), ['0002-second.sql'])
  t.strictSame(await migrate(db, await makeMigrations(t, { ...FIRST, ...SECOND })), [])
})

t.test('cores that start together migrate once', async (t) => {
  const { url } = await startPostgres(t)
  const directory = await makeMigrations(t, { ...FIRST, ...SECOND })
  const databases = await Promise.all(Array.from({ length: 4 }, () => openDatabase(url)))
  t.teardown(() => Promise.all(databases.map((db) => db.close())))
  const applied = await Promise.all(databases.map((db) => migrate(db, directory)))
  t.strictSame(applied.flat().sort(), ['0001-first.sql', '0002-second.sql'])
  t.strictSame(await databases[0]?.query('', 'SELECT a FROM first'), [{ a: 1 }])
})

t.test('a database of a newer schema is refused', async (t) => {
  const db = await openDatabase((await startPostgres(t)).url)
  t.teardown(() => db.close())
  await migrate(db, await makeMigrations(t, { ...FIRST, ...SECOND }))
  await t.rejects(
    migrate(db, await makeMigrations(t, FIRST)),
    /schema of a newer version \(0002-second.sql\)/,
  )
})

t.test('a file that was applied may not change', async (t) => {
  const db = await openDatabase((await startPostgres(t)).url)
  t.teardown(() => db.close())
  await migrate(db, await makeMigrations(t, FIRST))
  const changed = await makeMigrations(t, { '0001-first.sql': 'CREATE TABLE other (a integer)' })
  await t.rejects(migrate(db, changed), /0001-first.sql was changed/)
})

t.test('a file that fails leaves nothing, and is tried again', async (t) => {
  const db = await openDatabase((await startPostgres(t)).url)
  t.teardown(() => db.close())
  const broken = { '0002-second.sql': 'CREATE TABLE second (a integer); SELECT broken' }
  await t.rejects(migrate(db, await makeMigrations(t, { ...FIRST, ...broken })), MigrationError)
  t.strictSame(await migrate(db, await makeMigrations(t, { ...FIRST, ...SECOND })), ['0002-second.sql'])
})

t.test('files are named NNNN-name.sql, each number once', async (t) => {
  const db = await openDatabase((await startPostgres(t)).url)
  t.teardown(() => db.close())
  await t.rejects(migrate(db, await makeMigrations(t, { 'first.sql': '' })), /NNNN-name.sql/)
  await t.rejects(migrate(db, await makeMigrations(t, { ...FIRST, '0001-other.sql': '' })), /two migrations/)
})
