/** Files that users send: their bytes lie in a storage, who may read them is decided here. */
import { randomBytes } from 'node:crypto'
import { pipeline, Readable } from 'node:stream'
import { CoreError } from '../errors.ts'
import { type ByteRange, FileMissingError, type FileStorage } from '../files/file-storage.ts'
import { type Measured, measured } from '../files/measured.ts'
import { cleanFilename, mediaTypeOf } from '../files/media-types.ts'
import type { SignedUrls } from '../files/signed-urls.ts'
import {
  beginFile,
  deleteFile,
  type FileRow,
  type FileSum,
  findFile,
  finishFile,
  mayReadFile,
  sumFiles,
} from '../store/files.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import { requireMessageAccess } from './room-access.ts'

export type FileContext = {
  chat: ChatContext
  storage: FileStorage
  urls: SignedUrls
  maxBytes: number
}

/** The server's own, for stickers: nobody uploads there. */
export const STICKER_BUCKET = 'stickers'
const BUCKET = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/

/** @throws CoreError INVALID_REQUEST */
export function requireBucket(bucket: string): void {
  if (!BUCKET.test(bucket) || bucket === STICKER_BUCKET)
    throw new CoreError('INVALID_REQUEST', 'There is no such bucket.')
}

export type IncomingFile = { filename: string | undefined; mediaType: string; content: Readable }

/** Bytes that are there, under an id, and belong to nobody yet: to be kept or dropped. */
export type StoredFile = { id: string; incoming: IncomingFile; measure: Measured }

/** Streams a file into the storage. What comes of a failure is removed, at the latest by the sweep. */
export async function storeFile(
  ctx: FileContext,
  app: string,
  target: { bucket: string; userId: string | undefined; maxBytes?: number },
  incoming: IncomingFile,
  signal: AbortSignal,
): Promise<StoredFile> {
  const id = randomBytes(16).toString('hex')
  const measure = measured(target.maxBytes ?? ctx.maxBytes)
  await beginFile(ctx.chat.db, app, { id, bucket: target.bucket, userId: target.userId }, now(ctx.chat))
  // The storage meets the sender's failure in what it reads.
  pipeline(Readable.from(bytesOf(incoming.content)), measure.stream, () => {})
  try {
    await ctx.storage.put(id, measure.stream, signal)
  } catch (error) {
    measure.stream.destroy()
    await dropFile(ctx, id)
    throw error
  }
  return { id, incoming, measure }
}

/** What goes wrong on the sender's side is not the storage's fault. */
async function* bytesOf(content: Readable): AsyncGenerator<Buffer> {
  try {
    yield* content
  } catch (cause) {
    throw new CoreError('INVALID_BODY', 'The file ended early.', { cause })
  }
}

export async function keepFile(
  ctx: FileContext,
  { id, incoming, measure }: StoredFile,
  shared: { extra: unknown; tags: string[]; roomId: string | undefined },
): Promise<FileRow> {
  const row = await finishFile(
    ctx.chat.db,
    id,
    {
      ...shared,
      filename: cleanFilename(incoming.filename),
      mediaType: mediaTypeOf(incoming.mediaType, measure.head()),
      length: measure.length(),
      md5: measure.md5(),
    },
    now(ctx.chat),
  )
  if (row === undefined) throw new CoreError('FILE_NOT_FOUND')
  return row
}

/** Never fails: what cannot be removed now, the sweep removes. */
export async function dropFile(ctx: FileContext, id: string): Promise<void> {
  try {
    await ctx.storage.remove(id)
    await deleteFile(ctx.chat.db, id)
  } catch (err) {
    ctx.chat.log.warn({ event: 'file-left', err, file: id }, 'an unfinished file is left to the sweep')
  }
}

/** Who stores a file for a room is in it. @throws CoreError */
export async function requireRoomOf(
  ctx: FileContext,
  actor: Actor,
  roomId: string | undefined,
): Promise<void> {
  if (roomId !== undefined) await requireMessageAccess(ctx.chat.db, actor, roomId)
}

/** @throws CoreError FILE_NOT_FOUND, PERMISSION_DENIED */
export async function readableFile(
  ctx: FileContext,
  actor: Actor,
  address: { bucket: string; id: string },
): Promise<FileRow> {
  const row = await findFile(ctx.chat.db, address.id)
  if (row === undefined || row.app !== actor.app || row.bucket !== address.bucket)
    throw new CoreError('FILE_NOT_FOUND')
  if (actor.kind === 'client' && !(await mayReadFile(ctx.chat.db, actor.app, actor.userId, row.id)))
    throw new CoreError('PERMISSION_DENIED')
  return row
}

/** For who has an address that we signed. @throws CoreError PERMISSION_DENIED, for a file that is not there too */
export async function signedFile(
  ctx: FileContext,
  address: { bucket: string; id: string },
  given: { expires: unknown; signature: unknown },
): Promise<FileRow> {
  const row = await findFile(ctx.chat.db, address.id)
  const signed = { ...address, app: row?.app ?? '' }
  const isSigned = ctx.urls.verify(signed, given)
  if (row === undefined || row.bucket !== address.bucket || !isSigned)
    throw new CoreError('PERMISSION_DENIED', 'The address is not signed, or no longer.')
  return row
}

/** @throws CoreError FILE_NOT_FOUND where its bytes are lost */
export async function openFile(
  ctx: FileContext,
  row: FileRow,
  range: ByteRange | undefined,
): Promise<Readable> {
  try {
    return await ctx.storage.open(row.id, range)
  } catch (error) {
    if (!(error instanceof FileMissingError)) throw error
    ctx.chat.log.error({ event: 'file-missing', file: row.id }, 'the bytes of a file are gone')
    throw new CoreError('FILE_NOT_FOUND', undefined, { cause: error })
  }
}

/** Of the acting user; for a customer's server that acts for nobody, of its app. */
export const fileSums = (
  ctx: FileContext,
  actor: Actor,
  request: { tags: string[]; from: Date | undefined; to: Date | undefined },
): Promise<FileSum[]> => sumFiles(ctx.chat.db, actor.app, { ...request, userId: actor.userId })
