import { cp, mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DataDirectoryError } from '../../../core/store/data-directory.ts'
import { openPglite } from '../../../core/store/pglite.ts'

t.setTimeout(150_000)
const root = await mkdtemp(join(tmpdir(), 'imkit-data-'))
t.teardown(() => rm(root, { recursive: true, force: true }))
const sound = join(root, 'sound')

t.test('a first start leaves a whole database and nothing else', async (t) => {
  await mkdir(join(sound, 'pgdata'), { recursive: true })
  await mkdir(join(sound, 'pgdata.new', 'base'), { recursive: true })
  await writeFile(join(sound, 'pgdata.new', 'PG_VERSION'), 'cut off')
  const db = await openPglite(sound)
  await db.run('CREATE TABLE kept (n integer); INSERT INTO kept VALUES (1)')
  await db.close()
  t.same(await readdir(sound), ['pgdata'])
})

const DAMAGES: Record<string, (data: string) => Promise<unknown>> = {
  'no PG_VERSION': (data) => rm(join(data, 'PG_VERSION')),
  'no control file': (data) => rm(join(data, 'global/pg_control')),
  'half a control file': (data) => truncate(join(data, 'global/pg_control'), 100),
  'an empty log': async (data) => {
    const names = await readdir(join(data, 'pg_wal'))
    for (const name of names.filter((one) => /^[0-9A-F]{24}$/.test(one)))
      await truncate(join(data, 'pg_wal', name), 0)
  },
  'no tables': (data) => rm(join(data, 'base'), { recursive: true }),
  'half of the files': async (data) => {
    for (const name of ['global', 'pg_xact', 'pg_multixact']) await rm(join(data, name), { recursive: true })
  },
}

for (const [name, damage] of Object.entries(DAMAGES))
  t.test(`${name}: refused in a line that says what to do, and nothing is made anew`, async (t) => {
    const directory = join(root, name)
    await cp(sound, directory, { recursive: true })
    await damage(join(directory, 'pgdata'))
    const before = await readdir(join(directory, 'pgdata', 'base')).catch(() => [])
    const error = await openPglite(directory).catch((error: unknown) => error)
    t.type(error, DataDirectoryError)
    const { message } = error as DataDirectoryError
    t.match(message, new RegExp(`^the database in ${directory} is damaged or not whole, .*restore a backup`))
    t.notMatch(message, '\n')
    t.strictSame(await readdir(directory), ['pgdata'], 'no lock')
    t.strictSame(await readdir(join(directory, 'pgdata', 'base')).catch(() => []), before)
  })

t.test('something else in the place of the directory is said in a line too', async (t) => {
  const directory = join(root, 'file')
  await mkdir(directory)
  await writeFile(join(directory, 'pgdata'), '')
  await t.rejects(openPglite(directory), /damaged or not whole/)
})
