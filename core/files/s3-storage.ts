import { Readable } from 'node:stream'
import { DeleteObjectCommand, GetObjectCommand, NoSuchKey, S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { FileMissingError, type FileStorage, requireKey } from './file-storage.ts'

export type S3Config = {
  bucket: string
  region: string
  /** Of a service that speaks S3; AWS itself where absent. */
  endpoint: string | undefined
  accessKeyId: string
  secretAccessKey: string
}

/** What one upload holds in memory at most is twice this. */
const PART_BYTES = 5 * 1_048_576
const PREFIX = 'files/'

/** Files in a bucket. Parts of uploads that a crash cut short are for the bucket's own life-cycle rule. */
export function createS3Storage(config: S3Config): FileStorage {
  const { bucket, region, endpoint, accessKeyId, secretAccessKey } = config
  const client = new S3Client({
    region,
    credentials: { accessKeyId, secretAccessKey },
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    // Not every service that speaks S3 knows the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  const target = (key: string) => ({ Bucket: bucket, Key: `${PREFIX}${requireKey(key)}` })

  return {
    async put(key, content, signal) {
      const upload = new Upload({
        client,
        params: { ...target(key), Body: content },
        partSize: PART_BYTES,
        queueSize: 2,
      })
      const abort = () => void upload.abort()
      signal.addEventListener('abort', abort)
      try {
        signal.throwIfAborted()
        await upload.done()
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
    async open(key, range) {
      const asked = range && { Range: `bytes=${range.start}-${range.end}` }
      try {
        const { Body } = await client.send(new GetObjectCommand({ ...target(key), ...asked }))
        if (Body instanceof Readable) return Body
      } catch (cause) {
        throw cause instanceof NoSuchKey ? new FileMissingError({ cause }) : cause
      }
      throw new FileMissingError({ cause: new Error('the answer has no body') })
    },
    async remove(key) {
      await client.send(new DeleteObjectCommand(target(key)))
    },
    close: () => client.destroy(),
  }
}
