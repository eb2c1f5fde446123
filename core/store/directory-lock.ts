/**
 * One process per directory: PGlite takes no lock of its own, and two of them on one directory lose rows.
 *
 * Each process puts down a file that names it, then looks for others: whoever sees another living owner takes
 * its own file back. No file is ever taken over, so there is no moment between "stale" and "mine" to race in;
 * of two that start at the same instant both may give up, never both go on.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, readlink, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export type DirectoryLock = { release(): Promise<void> }

export class DirectoryLockedError extends Error {
  constructor(directory: string, owner: string) {
    super(`${directory} is in use by ${owner}; one process at a time may open it`)
    this.name = 'DirectoryLockedError'
  }
}

/** A process id alone would be mistaken once it is given to another process; with its start it is not. */
type Owner = { pid: number; started: string; world: string }

const PREFIX = 'lock.'
const HEARTBEAT_MS = 5_000
/** An owner that cannot be looked up (another container, another boot) counts as alive this long. */
const HEARTBEAT_LIMIT_MS = 20_000

export async function lockDirectory(directory: string, pid = process.pid): Promise<DirectoryLock> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await chmod(directory, 0o700)
  const self: Owner = { pid, started: (await startOf(pid)) ?? 'unknown', world: await world() }
  const name = `${PREFIX}${pid}.${self.started}`
  const path = join(directory, name)
  try {
    await writeFile(path, JSON.stringify(self), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw new DirectoryLockedError(directory, 'this very process')
    // On a full disk it is there, and empty.
    await unlink(path).catch(() => {})
    throw error
  }
  const release = () => unlink(path).catch(() => {})
  try {
    for (const other of await readdir(directory)) {
      if (!other.startsWith(PREFIX) || other === name) continue
      const owner = await livingOwner(join(directory, other), self.world)
      if (owner !== undefined) throw new DirectoryLockedError(directory, owner)
      await unlink(join(directory, other)).catch(() => {})
    }
  } catch (error) {
    await release()
    throw error
  }
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {})
  }, HEARTBEAT_MS)
  heartbeat.unref()
  return {
    async release() {
      clearInterval(heartbeat)
      await release()
    },
  }
}

async function livingOwner(path: string, here: string): Promise<string | undefined> {
  const owner = await readOwner(path)
  if (owner?.world === here)
    return (await startOf(owner.pid)) === owner.started ? `process ${owner.pid}` : undefined
  const beat = await stat(path).catch(() => undefined)
  if (beat === undefined || Date.now() - beat.mtimeMs > HEARTBEAT_LIMIT_MS) return undefined
  return owner === undefined
    ? 'a process that is just starting'
    : `process ${owner.pid} of another container or host`
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** When a process started, in whatever unit the system has; undefined = there is no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8')
    // Field 22; the name in field 2 may hold spaces and brackets, so count from the last bracket. A zombie (Z)
    // or a dead process (X) holds nothing open any more.
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch (error) {
    if (await hasProc()) return undefined
    if (!isCode(error, 'ENOENT')) throw error
  }
  const listed = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => undefined)
  return listed?.stdout.trim().replace(/\W+/g, '-') || undefined
}

const hasProc = () =>
  stat('/proc/self/stat').then(
    () => true,
    () => false,
  )

/** Process ids mean something only within one boot and one process namespace. */
async function world(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '')
  return `${boot.trim()} ${namespace}`.trim()
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
