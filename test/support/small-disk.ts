/** A disk that can be full: a tmpfs that only a process of the test's own, and what is started beside it, can see. */
import { mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Scope, startGuarded } from './child-process.ts'

export type SmallDisk = {
  /** As the processes on it see it. */
  directory: string
  /** Words before a command that is to see it. */
  words: readonly string[]
  /** Fills it, but for so many bytes. */
  leaveFree(bytes: number): Promise<void>
  /** Takes out again what filled it. */
  clear(): Promise<void>
}

const CHUNK = Buffer.alloc(4 * 1_048_576)

export async function startSmallDisk(t: Scope, sizeBytes: number): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-disk-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const isRoot = process.getuid?.() === 0
  const mount = `mount -t tmpfs -o size=${sizeBytes} tmpfs ${directory} && echo mounted && exec sleep infinity`
  const apart = ['--mount', ...(isRoot ? [] : ['--user', '--map-root-user'])]
  const keeper = await startGuarded('unshare', [...apart, 'sh', '-c', mount], { stopSignal: 'KILL' })
  t.teardown(() => keeper.stop())
  await keeper.waitForLine((line) => line === 'mounted' || undefined)
  const seenFromHere = `/proc/${keeper.pid}/root${directory}`
  const ballast = join(seenFromHere, 'ballast')
  const clear = () => rm(ballast, { force: true })

  return {
    directory,
    words: ['nsenter', `--target=${keeper.pid}`, '--mount', ...(isRoot ? [] : ['--user'])],
    clear,
    async leaveFree(bytes) {
      await clear()
      const { bavail, bsize } = await statfs(seenFromHere)
      const file = await open(ballast, 'w')
      try {
        for (let left = bavail * bsize - bytes; left > 0; left -= CHUNK.length)
          await file.writeFile(CHUNK.subarray(0, left))
      } catch {
        // Others write as well: it is full already.
      } finally {
        await file.close()
      }
    },
  }
}
