import type { Queryable } from './database.ts'

export type StickerFile = { name: string; fileId: string; length: number }

export type StickerSetRow = {
  app: string
  id: string
  name: string
  place: number
  /** The archive first, then its images. */
  files: StickerFile[]
  createdAt: Date
  updatedAt: Date
}

const STICKER_COLUMNS = `app, id, name, place, files, created_at AS "createdAt", updated_at AS "updatedAt"`

/** @returns the set, and the files that it had before */
export async function upsertStickerSet(
  tx: Queryable,
  app: string,
  set: { id: string; name: string; place: number; files: StickerFile[] },
  at: Date,
): Promise<{ row: StickerSetRow; replaced: StickerFile[] }> {
  const [before] = await tx.query<{ files: StickerFile[] }>(
    'stickers-lock',
    'SELECT files FROM sticker_sets WHERE app = $1 AND id = $2 FOR UPDATE',
    [app, set.id],
  )
  const [row] = await tx.query<StickerSetRow>(
    'stickers-upsert',
    `INSERT INTO sticker_sets (app, id, name, place, files, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5::json, $6, $6)
     ON CONFLICT (app, id) DO UPDATE
       SET name = excluded.name, place = excluded.place, files = excluded.files, updated_at = excluded.updated_at
     RETURNING ${STICKER_COLUMNS}`,
    [app, set.id, set.name, set.place, JSON.stringify(set.files), at],
  )
  return { row: row!, replaced: before?.files ?? [] }
}

export const listStickerSets = (q: Queryable, app: string, limit: number): Promise<StickerSetRow[]> =>
  q.query<StickerSetRow>(
    'stickers-list',
    `SELECT ${STICKER_COLUMNS} FROM sticker_sets WHERE app = $1 ORDER BY id, updated_at DESC LIMIT $2`,
    [app, limit],
  )

/** Of that app; without one, of every app, two at most. */
export const findStickerSets = (
  q: Queryable,
  app: string | undefined,
  id: string,
): Promise<StickerSetRow[]> =>
  q.query<StickerSetRow>(
    'stickers-by-id',
    `SELECT ${STICKER_COLUMNS} FROM sticker_sets WHERE ($1::text IS NULL OR app = $1) AND id = $2 LIMIT 2`,
    [app, id],
  )

export async function deleteStickerSet(
  q: Queryable,
  app: string,
  id: string,
): Promise<StickerFile[] | undefined> {
  const [row] = await q.query<{ files: StickerFile[] }>(
    'stickers-delete',
    'DELETE FROM sticker_sets WHERE app = $1 AND id = $2 RETURNING files',
    [app, id],
  )
  return row?.files
}
