import type { Queryable } from './database.ts'

export type FileRow = {
  id: string
  app: string
  bucket: string
  filename: string
  mediaType: string
  userId: string | null
  extra: unknown
  createdAt: Date
  length: number
  md5: string
}

const FILE_COLUMNS = `f.id, f.app, f.bucket, f.filename, f.media_type AS "mediaType", f.user_id AS "userId", f.extra,
  f.created_at AS "createdAt", f.length, f.md5`

/** Announces a file whose bytes are on their way, so that they are found should this process die. */
export async function beginFile(
  q: Queryable,
  app: string,
  file: { id: string; bucket: string; userId: string | undefined },
  at: Date,
): Promise<void> {
  await q.query(
    'files-begin',
    `INSERT INTO files (id, app, bucket, user_id, filename, media_type, created_at) VALUES ($1, $2, $3, $4, '', '', $5)`,
    [file.id, app, file.bucket, file.userId, at],
  )
}

/** Now it can be read: by its room's members, or by the whole app. */
export async function finishFile(
  q: Queryable,
  id: string,
  file: {
    filename: string
    mediaType: string
    extra: unknown
    tags: readonly string[]
    roomId: string | undefined
    length: number
    md5: string
  },
  at: Date,
): Promise<FileRow | undefined> {
  const [row] = await q.query<FileRow>(
    'files-finish',
    `WITH finished AS (
       UPDATE files f SET filename = $2, media_type = $3, extra = $4::json, tags = $5::text[], length = $7, md5 = $8,
         restricted = $6::text IS NOT NULL, stored_at = $9
       WHERE id = $1 AND stored_at IS NULL RETURNING ${FILE_COLUMNS}
     ), shared AS (
       INSERT INTO file_rooms (app, file_id, room_id) SELECT app, id, $6 FROM finished WHERE $6 IS NOT NULL
     )
     SELECT * FROM finished`,
    [
      id,
      file.filename,
      file.mediaType,
      file.extra === undefined ? undefined : JSON.stringify(file.extra),
      file.tags,
      file.roomId,
      file.length,
      file.md5,
      at,
    ],
  )
  return row
}

export async function findFile(q: Queryable, id: string): Promise<FileRow | undefined> {
  const [row] = await q.query<FileRow>(
    'files-one',
    `SELECT ${FILE_COLUMNS} FROM files f WHERE f.id = $1 AND f.stored_at IS NOT NULL`,
    [id],
  )
  return row
}

/** Who stored a file may read it, and who is in one of its rooms; what was for no room, everyone of its app. */
const READABLE = `(f.user_id = $2 OR NOT f.restricted OR EXISTS (
  SELECT FROM file_rooms r JOIN members m ON m.app = r.app AND m.room_id = r.room_id
  WHERE r.file_id = f.id AND m.user_id = $2))`

export async function mayReadFile(q: Queryable, app: string, userId: string, id: string): Promise<boolean> {
  const rows = await q.query(
    'files-may-read',
    `SELECT f.id FROM files f WHERE f.app = $1 AND f.id = $3 AND ${READABLE}`,
    [app, userId, id],
  )
  return rows.length === 1
}

/** A room's members may read what was sent there; nobody lends what they may not read. */
export async function shareFiles(
  q: Queryable,
  app: string,
  userId: string,
  roomId: string,
  ids: readonly string[],
): Promise<void> {
  await q.query(
    'files-share',
    `INSERT INTO file_rooms (app, file_id, room_id)
     SELECT $1, f.id, $3 FROM files f
     WHERE f.app = $1 AND f.id = ANY($4::text[]) AND f.restricted
       AND EXISTS (SELECT FROM members m WHERE m.app = $1 AND m.room_id = $3 AND m.user_id = $2)
       AND ${READABLE}
     ORDER BY f.id ON CONFLICT DO NOTHING`,
    [app, userId, roomId, ids],
  )
}

/** Forgets a file; its bytes are removed before. */
export async function deleteFile(q: Queryable, id: string): Promise<void> {
  await q.query('files-delete', 'DELETE FROM files WHERE id = $1', [id])
}

/** Begun before then, and never finished. */
export async function findUnfinished(q: Queryable, before: Date, limit: number): Promise<string[]> {
  const rows = await q.query<{ id: string }>(
    'files-unfinished',
    'SELECT id FROM files WHERE stored_at IS NULL AND created_at < $1 ORDER BY created_at LIMIT $2',
    [before, limit],
  )
  return rows.map((row) => row.id)
}

export type FileSum = { tag: string | null; size: number; count: number }

/** Sizes and counts by tag, and of all files (tag null), of a user or of the whole app. */
export async function sumFiles(
  q: Queryable,
  app: string,
  request: {
    userId: string | undefined
    tags: readonly string[]
    from: Date | undefined
    to: Date | undefined
  },
): Promise<FileSum[]> {
  return q.query<FileSum>(
    'files-sum',
    `WITH chosen AS (
       SELECT length, tags FROM files f
       WHERE f.app = $1 AND f.stored_at IS NOT NULL AND ($2::text IS NULL OR f.user_id = $2)
         AND (cardinality($3::text[]) = 0 OR f.tags && $3)
         AND ($4::timestamptz IS NULL OR f.created_at >= $4) AND ($5::timestamptz IS NULL OR f.created_at < $5)
     )
     SELECT NULL AS tag, COALESCE(sum(length), 0) AS size, count(*) AS count FROM chosen
     UNION ALL
     (SELECT tag, sum(length), count(*) FROM chosen, unnest(tags) AS tag
      WHERE cardinality($3) = 0 OR tag = ANY($3) GROUP BY tag ORDER BY tag LIMIT 1000)`,
    [app, request.userId, request.tags, request.from, request.to],
  )
}
