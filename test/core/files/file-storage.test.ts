import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createDiskStorage } from '../../../core/files/disk-storage.ts'
import { FileMissingError, type FileStorage } from '../../../core/files/file-storage.ts'
import { createS3Storage } from '../../../core/files/s3-storage.ts'
import { startS3StandIn } from '../../support/s3-stand-in.ts'

type Place = {
  storage: FileStorage /** How many things lie there, finished or not. */
  count(): Promise<number>
}

async function onDisk(t: Test): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'imkit-storage-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const count = async () =>
    (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
      .length
  return { storage: createDiskStorage(directory), count }
}

async function onS3(t: Test): Promise<Place> {
  const { url, objects, openUploads } = await startS3StandIn(t)
  const storage = createS3Storage({
    bucket: 'files',
    region: 'us-east-1',
    endpoint: url,
    accessKeyId: 'id',
    secretAccessKey: 'secret',
  })
  t.teardown(() => storage.close())
  return { storage, count: async () => objects.size + openUploads() }
}

const KEY = 'ab'.repeat(16)
const never = new AbortController().signal

/** What every storage promises. */
for (const [name, start] of [
  ['disk', onDisk],
  ['S3', onS3],
] as const)
  t.test(`on ${name}`, async (t) => {
    t.test('what was put is read, whole and in ranges, until it is removed', async (t) => {
      const { storage, count } = await start(t)
      const bytes = randomBytes(12_000_000)
      const chunks = Array.from({ length: 120 }, (_, i) => bytes.subarray(i * 100_000, (i + 1) * 100_000))
      await storage.put(KEY, Readable.from(chunks), never)
      t.ok(bytes.equals(await buffer(await storage.open(KEY))))
      t.same(await buffer(await storage.open(KEY, { start: 10, end: 19 })), bytes.subarray(10, 20))
      await storage.remove(KEY)
      await storage.remove(KEY)
      await t.rejects(storage.open(KEY), FileMissingError)
      t.equal(await count(), 0)
    })

    t.test('a source that fails leaves nothing', async (t) => {
      const { storage, count } = await start(t)
      const failing = Readable.from(
        (async function* () {
          yield randomBytes(6_000_000)
          throw new Error('gone')
        })(),
      )
      await t.rejects(storage.put(KEY, failing, never), /gone/)
      await t.rejects(storage.open(KEY), FileMissingError)
      t.equal(await count(), 0)
    })

    t.test('an upload that is aborted ends at once and leaves nothing', async (t) => {
      const { storage, count } = await start(t)
      const controller = new AbortController()
      const endless = new Readable({
        read() {
          this.push(Buffer.alloc(65_536))
          setImmediate(() => controller.abort())
        },
      })
      await t.rejects(storage.put(KEY, endless, controller.signal), { name: 'AbortError' })
      endless.destroy()
      await t.rejects(storage.open(KEY), FileMissingError)
      t.equal(await count(), 0)
    })

    t.test('an empty file is a file', async (t) => {
      const { storage } = await start(t)
      await storage.put(KEY, Readable.from([]), never)
      t.equal((await buffer(await storage.open(KEY))).length, 0)
    })

    t.test('a key is ours, and no path', async (t) => {
      const { storage } = await start(t)
      for (const key of ['../x', 'a/b', '', `${KEY}/..`, 'AB'.repeat(16)])
        await t.rejects(async () => storage.put(key, Readable.from(['x']), never), TypeError)
    })
  })
