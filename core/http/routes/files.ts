import { buffer } from 'node:stream/consumers'
import { Type } from 'typebox'
import type { Identity } from '#contract/identity.ts'
import { dropFile, type FileContext, fileSums, readableFile, signedFile } from '../../chat/files.ts'
import { CoreError } from '../../errors.ts'
import { probeVideo } from '../../files/video-probe.ts'
import type { FileRow } from '../../store/files.ts'
import { presentFile, presentFileMetadata } from '../../wire/present-file.ts'
import { contentOf, originOf, signedPath } from '../file-content.ts'
import { keepWithExtra, parseExtra, receiveFile, receiveRoomFile } from '../file-upload.ts'
import { inspected } from '../inspect.ts'
import { parseTime } from '../reading.ts'
import { type Route, route } from '../route.ts'
import { maybe, object, Texts } from '../schemas.ts'

const VIDEO_BUCKET = 'chat'
const Time = maybe(Type.Union([Type.String(), Type.Number()]))

export const fileRoutes: Route[] = [
  route('POST /files/:bucket', {
    caller: 'any',
    multipart: true,
    answer: async ({ files, actor, params, upload }) =>
      presentFile(await receiveRoomFile(files(), actor, upload, params.bucket)),
  }),

  route('POST /files/video-info', {
    caller: 'any',
    multipart: true,
    answer: async ({ files, actor, upload, incoming }) => {
      const ctx = files()
      return receiveFile(ctx, actor, upload, { bucket: VIDEO_BUCKET }, async ({ stored, fields }) => {
        const facts = await probeVideo(readerOf(ctx, stored.id), stored.measure.length())
        const info = {
          width: facts.width,
          height: facts.height,
          duration: facts.durationS === undefined ? undefined : Math.round(facts.durationS),
        }
        const autoUpload = parseExtra(fields.get('autoUpload'))
        if (typeof autoUpload !== 'object' || autoUpload === null) {
          await dropFile(ctx, stored.id)
          return info
        }
        const bucket = 'bucket' in autoUpload ? autoUpload.bucket : VIDEO_BUCKET
        if (bucket !== VIDEO_BUCKET) throw new CoreError('INVALID_REQUEST', `Videos go to "${VIDEO_BUCKET}".`)
        const row = await keepWithExtra(
          ctx,
          actor,
          stored,
          'extra' in autoUpload ? autoUpload.extra : undefined,
        )
        return {
          ...info,
          originalId: row.id,
          originalUrl: `${originOf(incoming)}/files/${row.bucket}/${row.id}`,
        }
      })
    },
  }),

  route('POST /files/stats', {
    caller: 'any',
    body: object({ tags: maybe(Texts), rangeStart: Time, rangeEnd: Time }),
    answer: ({ files, actor, body }) =>
      inspected(body, async () => {
        const tags = body.tags ?? []
        const from = parseTime('rangeStart', body.rangeStart == null ? undefined : String(body.rangeStart))
        const to = parseTime('rangeEnd', body.rangeEnd == null ? undefined : String(body.rangeEnd))
        const sums = await fileSums(files(), actor, { tags, from, to })
        const whole = sums.find((sum) => sum.tag === null)
        return {
          data: Object.fromEntries(
            sums.flatMap(({ tag, size, count }) => (tag === null ? [] : [[tag, { size, count }]])),
          ),
          totalCount: whole?.count ?? 0,
          totalSize: whole?.size ?? 0,
        }
      }),
  }),

  route('GET /files/:bucket/:id/metadata', {
    caller: 'any',
    answer: async ({ files, actor, params }) =>
      presentFileMetadata(await readableFile(files(), actor, { bucket: params.bucket, id: params.id })),
  }),

  // Ids of other storages hold slashes: clients ask for whatever follows the bucket.
  route('GET /files/:bucket/*', {
    caller: 'signed',
    query: object({
      signedUrlOnly: Type.Optional(Type.String()),
      Expires: Type.Optional(Type.Unknown()),
      Signature: Type.Optional(Type.Unknown()),
    }),
    answer: async ({ files, actor, params, query, incoming }) => {
      const ctx = files()
      const address = { bucket: params.bucket, id: params['*'].replace(/\/$/, '') }
      const file = await findAsked(ctx, actor, address, query)
      if (query.signedUrlOnly === '1' || query.signedUrlOnly === 'true')
        return { RC: 0, RM: 'OK', result: { url: `${originOf(incoming)}${signedPath(ctx, file)}` } }
      return contentOf(ctx, file, incoming)
    },
    bare: true,
  }),
]

/** A signature stands for itself, whatever identity comes beside it. */
function findAsked(
  ctx: FileContext,
  actor: Identity,
  address: { bucket: string; id: string },
  query: { Expires?: unknown; Signature?: unknown },
): Promise<FileRow> {
  if (query.Expires !== undefined && query.Signature !== undefined)
    return signedFile(ctx, address, { expires: query.Expires, signature: query.Signature })
  if (actor.kind === 'anonymous') throw new CoreError('UNAUTHORIZED')
  return readableFile(ctx, actor, address)
}

const readerOf =
  (ctx: FileContext, key: string) =>
  async (start: number, length: number): Promise<Buffer> =>
    length <= 0 ? Buffer.alloc(0) : buffer(await ctx.storage.open(key, { start, end: start + length - 1 }))
