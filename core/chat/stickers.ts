import { Readable } from 'node:stream'
import { CoreError } from '../errors.ts'
import type { StickerImage } from '../files/sticker-zip.ts'
import { appIds } from '../store/apps.ts'
import {
  deleteStickerSet,
  findStickerSets,
  listStickerSets,
  type StickerFile,
  type StickerSetRow,
  upsertStickerSet,
} from '../store/stickers.ts'
import { type Actor, type ChatContext, now } from './context.ts'
import { dropFile, type FileContext, keepFile, STICKER_BUCKET, type StoredFile, storeFile } from './files.ts'

const MAX_SETS = 1_000
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

/** Makes a set, or puts another in its place. Its archive is kept by this where all goes well, else by nobody. */
export async function saveStickerSet(
  ctx: FileContext,
  actor: Actor,
  input: { id: string; name: string; place: number; zip: StoredFile; images: StickerImage[] },
): Promise<StickerSetRow> {
  const { app } = actor
  const { id, name, place } = input
  if (!ID.test(id)) throw new CoreError('INVALID_REQUEST', '"_id" is letters, digits, - and _.')
  const files: StickerFile[] = []
  try {
    for (const image of input.images) files.push(await keepImage(ctx, app, image))
    const nothingElse = { extra: undefined, tags: [], roomId: undefined }
    const zip = await keepFile(ctx, input.zip, nothingElse)
    const all = [{ name: `${id}.zip`, fileId: zip.id, length: zip.length }, ...files]
    const { row, replaced } = await ctx.chat.db.transaction((tx) =>
      upsertStickerSet(tx, app, { id, name, place, files: all }, now(ctx.chat)),
    )
    await dropFiles(ctx, replaced)
    return row
  } catch (error) {
    await dropFiles(ctx, files)
    throw error
  }
}

async function keepImage(ctx: FileContext, app: string, image: StickerImage): Promise<StickerFile> {
  const incoming = {
    filename: image.name,
    mediaType: 'image/png',
    content: Readable.from([image.content]),
  }
  const target = { bucket: STICKER_BUCKET, userId: undefined }
  const stored = await storeFile(ctx, app, target, incoming, new AbortController().signal)
  const file = await keepFile(ctx, stored, { extra: undefined, tags: [], roomId: undefined })
  return { name: image.name, fileId: file.id, length: file.length }
}

async function dropFiles(ctx: FileContext, files: readonly StickerFile[]): Promise<void> {
  for (const { fileId } of files) await dropFile(ctx, fileId)
}

/** @returns whether there was one */
export async function removeStickerSet(ctx: FileContext, actor: Actor, id: string): Promise<boolean> {
  const files = await deleteStickerSet(ctx.chat.db, actor.app, id)
  await dropFiles(ctx, files ?? [])
  return files !== undefined
}

export const listStickers = (ctx: ChatContext, app: string): Promise<StickerSetRow[]> =>
  listStickerSets(ctx.db, app, MAX_SETS)

/** Who asks for stickers shows no key. @throws CoreError MISSING_PARAMETER where several apps could be meant */
export async function stickerApp(ctx: ChatContext, named: string | undefined): Promise<string> {
  if (named !== undefined) return named
  const [only, another] = await appIds(ctx.db, 2)
  if (only === undefined || another !== undefined)
    throw new CoreError('MISSING_PARAMETER', '"app" says whose stickers, where there are several apps.')
  return only
}

/** `<set>/<file>`. @throws CoreError STICKER_NOT_FOUND, for what two apps have too */
export async function findSticker(
  ctx: ChatContext,
  resource: { app: string | undefined; resourceId: string },
): Promise<{ app: string; bucket: string; id: string }> {
  const [id = '', name = '', ...others] = resource.resourceId.split('/')
  const sets = others.length > 0 ? [] : await findStickerSets(ctx.db, resource.app, id)
  const file = sets.length === 1 ? sets[0]?.files.find((candidate) => candidate.name === name) : undefined
  if (sets[0] === undefined || file === undefined) throw new CoreError('STICKER_NOT_FOUND')
  return { app: sets[0].app, bucket: STICKER_BUCKET, id: file.fileId }
}
