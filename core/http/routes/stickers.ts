import { buffer } from 'node:stream/consumers'
import { Type } from 'typebox'
import { STICKER_BUCKET } from '../../chat/files.ts'
import {
  findSticker,
  listStickers,
  removeStickerSet,
  saveStickerSet,
  stickerApp,
} from '../../chat/stickers.ts'
import { CoreError } from '../../errors.ts'
import { MAX_ZIP_BYTES, readStickerZip } from '../../files/sticker-zip.ts'
import type { StickerFile, StickerSetRow } from '../../store/stickers.ts'
import { signedPath } from '../file-content.ts'
import { receiveFile } from '../file-upload.ts'
import { RawAnswer } from '../raw-answer.ts'
import { type Route, route } from '../route.ts'
import { Id, object } from '../schemas.ts'

const MAX_NAME_LENGTH = 256
const App = Type.Optional(Id)

const presentResource = (set: StickerSetRow, file: StickerFile) => ({
  filename: file.name,
  length: file.length,
  resourceId: `${set.id}/${file.name}`,
})

function presentSet(set: StickerSetRow) {
  const [zip, ...images] = set.files
  return {
    _id: set.id,
    id: set.id,
    name: set.name,
    order: set.place,
    zip: zip && presentResource(set, zip),
    images: images.map((image) => presentResource(set, image)),
    createdAt: set.createdAt.toISOString(),
    createdAtMS: set.createdAt.getTime(),
    updatedAt: set.updatedAt.toISOString(),
    updatedAtMS: set.updatedAt.getTime(),
  }
}

export const stickerRoutes: Route[] = [
  route('POST /admin/stickers', {
    caller: 'platform',
    multipart: true,
    answer: async ({ files, actor, upload }) => {
      const ctx = files()
      const target = { bucket: STICKER_BUCKET, maxBytes: MAX_ZIP_BYTES }
      return receiveFile(ctx, actor, upload, target, async ({ stored, fields }) => {
        const id = fields.get('_id') ?? ''
        const name = fields.get('name') || id
        const place = Number(fields.get('order') || 0)
        if (id === '') throw new CoreError('MISSING_PARAMETER', '_id is needed.')
        if (name.length > MAX_NAME_LENGTH || !Number.isInteger(place) || Math.abs(place) > 1_000_000)
          throw new CoreError('INVALID_REQUEST', '"name" is short, "order" a whole number.')
        const images = await readStickerZip(await buffer(await ctx.storage.open(stored.id)))
        return presentSet(await saveStickerSet(ctx, actor, { id, name, place, zip: stored, images }))
      })
    },
  }),

  route('GET /admin/stickers', {
    caller: 'platform',
    answer: async ({ chat, actor }) => {
      const sets = await listStickers(chat, actor.app)
      return { totalCount: sets.length, data: sets.map(presentSet) }
    },
  }),

  route('DELETE /admin/stickers/:id', {
    caller: 'platform',
    answer: async ({ files, actor, params }) => ({
      n: (await removeStickerSet(files(), actor, params.id)) ? 1 : 0,
      ok: 1,
    }),
  }),

  route('GET /stickers', {
    caller: 'nobody',
    query: object({ app: App }),
    answer: async ({ chat, actor, query }) => {
      const sets = await listStickers(chat, await stickerApp(chat, query.app ?? actor.app))
      const data = sets
        .toSorted((a, b) => a.place - b.place)
        .map(presentSet)
        .map(({ _id, id, name, zip, updatedAt, updatedAtMS }) => ({
          _id,
          id,
          name,
          zip,
          updatedAt,
          updatedAtMS,
        }))
      return { totalCount: data.length, data }
    },
  }),

  route('GET /stickers/res', {
    caller: 'nobody',
    query: object({ resourceId: Type.String({ minLength: 1, maxLength: 256 }), app: App }),
    answer: async ({ chat, files, actor, query }) => {
      const app = query.app ?? actor.app
      const file = await findSticker(chat, { app, resourceId: query.resourceId })
      return new RawAnswer(302, {
        location: signedPath(files(), file),
        'cache-control': 'public, max-age=600',
      })
    },
  }),
]
