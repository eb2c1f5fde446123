import { Type } from 'typebox'
import { listOf, ref } from './answers.ts'
import { type Endpoints, says } from './endpoint.ts'

const { Object: object, String: text, Integer: integer, Record: keyed, Optional: optional } = Type

const File = text({ contentMediaType: 'application/octet-stream' })
const Json = (description: string) => optional(text({ description: `JSON: ${description}` }))

export const FILES: Endpoints = {
  'POST /files/:bucket': says('Uploads a file', 'File', {
    errors: ['NOT_ROOM_MEMBER', 'PAYLOAD_TOO_LARGE', 'FILES_UNAVAILABLE'],
    parts: object({ file: File, extra: Json('`roomID` says whose members may see it') }),
  }),
  'GET /files/:bucket/*': says(
    'The file; with `signedUrlOnly=1` an address of it that needs no headers',
    object({ RC: Type.Literal(0), RM: Type.Literal('OK'), result: object({ url: text() }) }),
    { errors: ['FILE_NOT_FOUND', 'FILES_UNAVAILABLE'], sends: 'a file' },
  ),
  'GET /files/:bucket/:id/metadata': says('What is known of a file', 'File', {
    errors: ['FILE_NOT_FOUND', 'FILES_UNAVAILABLE'],
  }),
  'POST /files/stats': says(
    'What files take, by tag',
    object({
      data: keyed(text(), object({ size: integer(), count: integer() })),
      totalCount: integer(),
      totalSize: integer(),
    }),
    { errors: ['FILES_UNAVAILABLE'], example: { tags: ['work'] } },
  ),
  'POST /files/video-info': says(
    'Looks at a video, and keeps it where `autoUpload` says so',
    object({
      width: optional(integer()),
      height: optional(integer()),
      duration: optional(integer({ description: 'Seconds.' })),
      originalId: optional(text()),
      originalUrl: optional(text()),
    }),
    {
      errors: ['PAYLOAD_TOO_LARGE', 'FILES_UNAVAILABLE'],
      parts: object({ file: File, autoUpload: Json('`bucket`, and `extra` as of any upload') }),
    },
  ),
  'POST /admin/stickers': says('Makes or replaces a set of stickers', 'StickerSet', {
    errors: ['PAYLOAD_TOO_LARGE', 'FILES_UNAVAILABLE'],
    parts: object({
      _id: text(),
      name: optional(text()),
      order: optional(integer()),
      file: text({ contentMediaType: 'application/zip' }),
    }),
  }),
  'GET /admin/stickers': says('Lists the sets of stickers', listOf('StickerSet')),
  'DELETE /admin/stickers/:id': says('Removes a set of stickers', 'Counts', {
    errors: ['FILES_UNAVAILABLE'],
  }),
  'GET /stickers': says('Lists the sets of stickers, for clients', listOf('StickerSet')),
  'GET /stickers/res': says('Leads to a picture of a set', ref('StickerFile'), {
    errors: ['STICKER_NOT_FOUND', 'FILES_UNAVAILABLE'],
    sends: 'a redirection',
  }),
}
