/** What an upload's parts say, in whichever order they come: some clients send the file last, some first. */
import type { Actor } from '../chat/context.ts'
import {
  dropFile,
  type FileContext,
  keepFile,
  requireBucket,
  requireRoomOf,
  type StoredFile,
  storeFile,
} from '../chat/files.ts'
import { CoreError } from '../errors.ts'
import type { FileRow } from '../store/files.ts'
import type { Upload } from './uploads.ts'

export type UploadedFile = { stored: StoredFile; fields: Map<string, string> }

/** Stores the one file of an upload. Where it fails, or `keep` does, nothing is left of it. */
export async function receiveFile<T>(
  ctx: FileContext,
  actor: Actor,
  upload: Upload,
  target: {
    bucket: string
    maxBytes?: number
    roomFrom?: (fields: Map<string, string>) => string | undefined
  },
  keep: (uploaded: UploadedFile) => Promise<T>,
): Promise<T> {
  const fields = new Map<string, string>()
  let stored: StoredFile | undefined
  try {
    for await (const part of upload.parts())
      if (part.kind === 'field') fields.set(part.name, part.text)
      else {
        if (stored !== undefined) throw new CoreError('INVALID_REQUEST', 'One file is taken at a time.')
        // Whoever has no business there is told before the bytes have come, where the room is known by then.
        await requireRoomOf(ctx, actor, target.roomFrom?.(fields))
        const { bucket, maxBytes } = target
        const place = { bucket, userId: actor.userId, ...(maxBytes !== undefined && { maxBytes }) }
        stored = await storeFile(ctx, actor.app, place, part.file, upload.signal)
      }
    if (stored === undefined) throw new CoreError('MISSING_PARAMETER', '"file" is needed.')
    return await keep({ stored, fields })
  } catch (error) {
    if (stored !== undefined) await dropFile(ctx, stored.id)
    throw error
  }
}

export function receiveRoomFile(
  ctx: FileContext,
  actor: Actor,
  upload: Upload,
  bucket: string,
): Promise<FileRow> {
  requireBucket(bucket)
  const roomFrom = (fields: Map<string, string>) => roomIdOf(parseExtra(fields.get('extra')))
  return receiveFile(ctx, actor, upload, { bucket, roomFrom }, async ({ stored, fields }) =>
    keepWithExtra(ctx, actor, stored, parseExtra(fields.get('extra'))),
  )
}

export async function keepWithExtra(
  ctx: FileContext,
  actor: Actor,
  stored: StoredFile,
  extra: unknown,
): Promise<FileRow> {
  const roomId = roomIdOf(extra)
  await requireRoomOf(ctx, actor, roomId)
  return keepFile(ctx, stored, { extra, tags: tagsOf(extra), roomId })
}

/** Some say `undefined` where they have none. @throws CoreError INVALID_REQUEST */
export function parseExtra(text: string | undefined): unknown {
  if (text === undefined || text === '' || text === 'undefined' || text === 'null') return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CoreError('INVALID_REQUEST', 'A field of the upload is not JSON.', { cause })
  }
}

const MAX_ID_LENGTH = 256
const MAX_TAGS = 100

/** Old clients and new ones spell it differently. */
function roomIdOf(extra: unknown): string | undefined {
  if (typeof extra !== 'object' || extra === null) return undefined
  for (const name of ['roomID', 'roomId'])
    if (name in extra) {
      const value: unknown = Reflect.get(extra, name)
      if (typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH) return value
      if (value !== null && value !== undefined && value !== '')
        throw new CoreError('INVALID_REQUEST', `"${name}" is a room's id.`)
    }
  return undefined
}

function tagsOf(extra: unknown): string[] {
  if (typeof extra !== 'object' || extra === null || !('tags' in extra) || !Array.isArray(extra.tags))
    return []
  return extra.tags.filter((tag) => typeof tag === 'string' && tag.length <= MAX_ID_LENGTH).slice(0, MAX_TAGS)
}
