/** Where the deployment keeps files. */
import { join, resolve } from 'node:path'
import type { S3Config } from './files/s3-storage.ts'

export type FilesConfig = {
  /** Undefined: files are not taken. */
  storage: { kind: 'disk'; directory: string } | { kind: 's3'; s3: S3Config } | undefined
  maxBytes: number
}

type Optional = <T>(name: string, parse: (text: string) => T) => T | undefined

const DEFAULT_MAX_BYTES = 100 * 1_048_576

/** `FILES_S3_BUCKET`, else `FILES_DIR`, else beside an embedded database; else nowhere. */
export function parseFiles(optional: Optional, databaseUrl: string | undefined): FilesConfig {
  const s3 = optional('FILES_S3_BUCKET', (bucket) => parseS3(optional, bucket))
  const directory = optional('FILES_DIR', (path) => resolve(path)) ?? besideDatabase(databaseUrl)
  return {
    storage:
      s3 !== undefined
        ? { kind: 's3', s3 }
        : directory === undefined
          ? undefined
          : { kind: 'disk', directory },
    maxBytes: optional('FILE_MAX_BYTES', parseBytes) ?? DEFAULT_MAX_BYTES,
  }
}

function besideDatabase(url: string | undefined): string | undefined {
  const [, directory] = /^pglite:(?!memory$)(.+)$/.exec(url ?? '') ?? []
  return directory && join(directory, 'files')
}

function parseS3(optional: Optional, bucket: string): S3Config {
  const text = (value: string) => value
  const accessKeyId = optional('AWS_ACCESS_KEY_ID', text)
  const secretAccessKey = optional('AWS_SECRET_ACCESS_KEY', text)
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new Error('needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  const endpoint = optional('FILES_S3_ENDPOINT', parseEndpoint)
  return {
    bucket,
    region: optional('AWS_REGION', text) ?? 'us-east-1',
    endpoint,
    accessKeyId,
    secretAccessKey,
  }
}

function parseEndpoint(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new Error('is not a URL that begins with http:// or https://')
}

function parseBytes(text: string): number {
  const bytes = Number(text)
  if (/^\d+$/.test(text) && bytes >= 1 && bytes <= 2 ** 40) return bytes
  throw new Error('is not a number of bytes')
}
