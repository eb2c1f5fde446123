import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DirectoryLockedError, lockDirectory } from '../../../core/store/directory-lock.ts'
import { openDatabase } from '../../../core/store/open-database.ts'
import { type Scope, startGuarded } from '../../support/child-process.ts'

async function makeDirectory(t: Scope): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-lock-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const LOCK_MODULE = new URL('../../../core/store/directory-lock.ts', import.meta.url).href

/** A process that holds the lock until it is killed. */
async function startHolder(t: Scope, directory: string) {
  const program = `
    const { lockDirectory } = await import(${JSON.stringify(LOCK_MODULE)})
    await lockDirectory(${JSON.stringify(directory)})
    console.log('locked')
    setInterval(() => {}, 1000)`
  const holder = await startGuarded(process.execPath, ['--input-type=module', '-e', program], {
    stopSignal: 'KILL',
  })
  t.teardown(() => holder.stop())
  await holder.waitForLine((line) => (line === 'locked' ? true : undefined))
  return holder
}

t.test('a directory has one owner at a time', async (t) => {
  const directory = await makeDirectory(t)
  const lock = await lockDirectory(directory)
  await t.rejects(lockDirectory(directory), DirectoryLockedError)
  await lock.release()
  const next = await lockDirectory(directory)
  await next.release()
  t.strictSame(await readdir(directory), [])
})

t.test('the directory is for its owner alone', async (t) => {
  const directory = join(await makeDirectory(t), 'deeper', 'down')
  const lock = await lockDirectory(directory)
  t.equal((await stat(directory)).mode & 0o777, 0o700)
  await lock.release()
})

t.test('another process is told in one line who has it', async (t) => {
  const directory = await makeDirectory(t)
  const holder = await startHolder(t, directory)
  const error: unknown = await openDatabase(`pglite:${directory}`).catch((error: unknown) => error)
  t.ok(error instanceof DirectoryLockedError)
  t.match(error, {
    message: `${directory} is in use by process ${holder.pid}; one process at a time may open it`,
  })
  t.equal((await readdir(directory)).length, 1, 'and leaves nothing behind')
})

t.test('the lock of a process that was killed is no lock', async (t) => {
  const directory = await makeDirectory(t)
  const holder = await startHolder(t, directory)
  await holder.stop()
  t.equal((await readdir(directory)).length, 1, 'it left its file')
  const lock = await lockDirectory(directory)
  t.equal((await readdir(directory)).length, 1, 'its file is gone')
  await lock.release()
})

t.test('a process id that was given to another process is not mistaken for the owner', async (t) => {
  const directory = await makeDirectory(t)
  const lock = await lockDirectory(directory)
  const [name = ''] = await readdir(directory)
  const own: object = JSON.parse(await readFile(join(directory, name), 'utf8'))
  await lock.release()
  const other = spawn('sleep', ['60'])
  t.teardown(() => other.kill('SIGKILL'))
  await once(other, 'spawn')
  await writeFile(
    join(directory, `lock.${other.pid}.1`),
    JSON.stringify({ ...own, pid: other.pid, started: '1' }),
  )
  const next = await lockDirectory(directory)
  await next.release()
})

t.test('an owner that cannot be looked up counts as long as it gives signs of life', async (t) => {
  const directory = await makeDirectory(t)
  const file = join(directory, 'lock.7.1')
  await writeFile(file, JSON.stringify({ pid: 7, started: '1', world: 'another container' }))
  await t.rejects(lockDirectory(directory), DirectoryLockedError)
  const longAgo = new Date(Date.now() - 60_000)
  await utimes(file, longAgo, longAgo)
  const lock = await lockDirectory(directory)
  await lock.release()
})

t.test('of many that start at once at most one gets it', async (t) => {
  const directory = await makeDirectory(t)
  const program = `
    const { lockDirectory } = await import(${JSON.stringify(LOCK_MODULE)})
    try { await lockDirectory(${JSON.stringify(directory)}); console.log('got it') }
    catch (error) { console.log(error.name) }
    setInterval(() => {}, 1000)`
  const starters = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const args = ['--input-type=module', '-e', program]
      const starter = await startGuarded(process.execPath, args, { stopSignal: 'KILL' })
      t.teardown(() => starter.stop())
      return starter
    }),
  )
  const lines = await Promise.all(
    starters.map((starter) =>
      starter.waitForLine((line) => (/^got it$|^DirectoryLockedError$/.test(line) ? line : undefined)),
    ),
  )
  t.ok(lines.filter((line) => line === 'got it').length <= 1, lines.join())
})
