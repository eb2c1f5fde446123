import { createReadStream, createWriteStream } from 'node:fs'
import { access, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { FileMissingError, type FileStorage, requireKey } from './file-storage.ts'

/** Files in a directory; cores that share it, share their files. Half a file is never seen under its name. */
export function createDiskStorage(directory: string): FileStorage {
  const incoming = (key: string) => join(directory, 'incoming', requireKey(key))
  const stored = (key: string) => join(directory, 'stored', requireKey(key).slice(0, 2), key)

  return {
    async put(key, content, signal) {
      const temporary = incoming(key)
      const final = stored(key)
      await mkdir(dirname(temporary), { recursive: true, mode: 0o700 })
      await mkdir(dirname(final), { recursive: true, mode: 0o700 })
      try {
        await pipeline(content, createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }), {
          signal,
        })
        await rename(temporary, final)
        await syncDirectory(dirname(final))
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
    },
    async open(key, range) {
      const path = stored(key)
      try {
        await access(path)
      } catch (cause) {
        throw new FileMissingError({ cause })
      }
      return createReadStream(path, range)
    },
    async remove(key) {
      await rm(incoming(key), { force: true })
      await rm(stored(key), { force: true })
    },
    close() {},
  }
}

/** A name outlives a power failure only once its directory is on the disk. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
