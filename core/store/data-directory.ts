/** The files of the embedded database: there as a whole or not at all, and never on a disk that is full. */
import { mkdir, readdir, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

export class DataDirectoryError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'DataDirectoryError'
  }
}

/**
 * PostgreSQL cannot go on where its log cannot grow. So nothing is written any more while there is still space for
 * a few segments of it (16 MiB each), and for what is written until the next look.
 */
export const RESERVE_BYTES = 80 * 1_048_576

/**
 * Whatever was begun under another name is no database yet: a first start that was cut off leaves nothing behind
 * that could be taken for one.
 * @param make Makes a database in an empty directory, and closes it.
 * @returns where the database is.
 */
export async function prepareDataDirectory(
  directory: string,
  make: (draft: string) => Promise<void>,
): Promise<string> {
  const path = join(directory, 'pgdata')
  const names = await readdir(path).catch((error: unknown) => {
    if (isMissing(error)) return [] as string[]
    throw damaged(directory, error)
  })
  if (names.includes('PG_VERSION')) return path
  if (names.length > 0) throw damaged(directory, new Error('PG_VERSION is missing'))
  const draft = `${path}.new`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { recursive: true, mode: 0o700 })
  await make(draft)
  await rm(path, { recursive: true, force: true })
  await rename(draft, path)
  return path
}

export const isNearlyFull = async (directory: string): Promise<boolean> => {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize < RESERVE_BYTES
}

export const unusable = (directory: string, reason: string): DataDirectoryError =>
  new DataDirectoryError(`the directory ${directory} cannot be used: ${reason}`)

/** Its own reason is mostly that of the machine it was compiled for: `Aborted()`. */
export function damaged(directory: string, cause: unknown): DataDirectoryError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new DataDirectoryError(
    `the database in ${directory} is damaged or not whole, and cannot be opened: restore a backup, or remove it to start anew (${reason.split('\n')[0]})`,
    { cause },
  )
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
