import { Readable } from 'node:stream'
import { type FileContext, openFile } from '../chat/files.ts'
import { parseRange } from '../files/byte-range.ts'
import { contentHeaders } from '../files/media-types.ts'
import type { FileRow } from '../store/files.ts'
import { entityTag, fileHeaders } from '../wire/present-file.ts'
import { type Incoming, RawAnswer } from './raw-answer.ts'

export const signedPath = (ctx: FileContext, file: { app: string; bucket: string; id: string }): string =>
  `/files/${file.bucket}/${file.id}?${ctx.urls.sign(file)}`

/** Where the client found us, as the gateway saw it. */
export function originOf({ headers }: Incoming): string {
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : 'http'
  const host = headers['x-forwarded-host'] ?? headers.host ?? ''
  return `${scheme}://${[host].flat()[0]}`
}

/** A file's bytes, or the part of them that is asked for. */
export async function contentOf(
  ctx: FileContext,
  file: FileRow,
  { headers, isHead }: Incoming,
): Promise<RawAnswer> {
  const tag = entityTag(file)
  const fields = {
    ...contentHeaders(file),
    ...fileHeaders(file),
    etag: tag,
    'last-modified': file.createdAt.toUTCString(),
    'accept-ranges': 'bytes',
    // A membership can end: browsers ask again, and are told that nothing has changed.
    'cache-control': 'private, max-age=300',
  }
  if (namesTag(headers['if-none-match'], tag)) return new RawAnswer(304, fields)
  const isSame = headers['if-range'] === undefined || headers['if-range'] === tag
  const range = isSame ? parseRange(headers.range, file.length) : undefined
  if (range === 'unsatisfiable')
    return new RawAnswer(416, { ...fields, 'content-range': `bytes */${file.length}`, 'content-length': '0' })
  const whole = { start: 0, end: file.length - 1 }
  const { start, end } = range ?? whole
  const sized = {
    ...fields,
    'content-length': String(end - start + 1),
    ...(range !== undefined && { 'content-range': `bytes ${start}-${end}/${file.length}` }),
  }
  const isEmpty = isHead || file.length === 0
  const body = isEmpty ? Readable.from([]) : await openFile(ctx, file, range)
  return new RawAnswer(range === undefined ? 200 : 206, sized, body)
}

const namesTag = (field: string | undefined, tag: string): boolean =>
  field?.split(',').some((part) => part.trim() === '*' || part.trim().replace(/^W\//, '') === tag) ?? false
