import type { FileRow } from '../store/files.ts'

/** What the original's storage cut files into; clients were told, and none asks. */
const CHUNK_BYTES = 261_120

export const presentFile = (file: FileRow) => ({
  _id: file.id,
  id: file.id,
  length: file.length,
  chunkSize: CHUNK_BYTES,
  uploadDate: file.createdAt.toISOString(),
  uploadDateMS: file.createdAt.getTime(),
  md5: file.md5,
  filename: file.filename,
  mimetype: file.mediaType,
  client: file.userId,
  bucketName: file.bucket,
  extra: file.extra ?? null,
  appID: file.app,
})

/** Both forms that clients were ever answered: the record's, and the storage's. */
export const presentFileMetadata = (file: FileRow) => ({
  ...presentFile(file),
  AcceptRanges: 'bytes',
  LastModified: file.createdAt.toISOString(),
  ContentLength: file.length,
  ETag: entityTag(file),
  ContentType: file.mediaType,
  Metadata: {},
})

export const entityTag = (file: FileRow): string => `"${file.md5}"`

/** The record as fields of an answer. They are ASCII: names are percent-encoded, JSON is escaped. */
export function fileHeaders(file: FileRow): Record<string, string> {
  const record = presentFile(file)
  return {
    'x-imkit-objectid': file.id,
    'x-imkit-id': file.id,
    'x-imkit-chunksize': String(record.chunkSize),
    'x-imkit-uploaddate': record.uploadDate,
    'x-imkit-uploaddatems': String(record.uploadDateMS),
    'x-imkit-md5': file.md5,
    'x-imkit-filename': encodeURIComponent(file.filename),
    'x-imkit-extra': asciiJson(file.extra ?? null),
    'x-imkit-appid': file.app,
    'x-imkit-client': encodeURIComponent(file.userId ?? ''),
    'x-imkit-bucketname': file.bucket,
  }
}

const MAX_HEADER_LENGTH = 4_096

function asciiJson(value: unknown): string {
  const text = JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return text.length <= MAX_HEADER_LENGTH ? text : 'null'
}
