import type { Queryable } from './database.ts'

export type BlockRow = {
  roomId: string
  blockeeId: string
  blockerId: string | null
  createdAt: Date
  updatedAt: Date
}

const COLUMNS = `room_id AS "roomId", blockee_id AS "blockeeId", blocker_id AS "blockerId",
  created_at AS "createdAt", updated_at AS "updatedAt"`

export async function putBlock(
  q: Queryable,
  app: string,
  block: { roomId: string; blockeeId: string; blockerId: string | undefined },
  at: Date,
): Promise<BlockRow> {
  const [row] = await q.query<BlockRow>(
    'blocks-put',
    `INSERT INTO blocks (app, room_id, blockee_id, blocker_id, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $5)
     ON CONFLICT (app, room_id, blockee_id)
       DO UPDATE SET blocker_id = excluded.blocker_id, updated_at = excluded.updated_at
     RETURNING ${COLUMNS}`,
    [app, block.roomId, block.blockeeId, block.blockerId, at],
  )
  return row!
}

/** @returns undefined where there was none */
export async function removeBlock(
  q: Queryable,
  app: string,
  roomId: string,
  blockeeId: string,
): Promise<BlockRow | undefined> {
  const [row] = await q.query<BlockRow>(
    'blocks-remove',
    `DELETE FROM blocks WHERE app = $1 AND room_id = $2 AND blockee_id = $3 RETURNING ${COLUMNS}`,
    [app, roomId, blockeeId],
  )
  return row
}

export const findBlocksOfRoom = (q: Queryable, app: string, roomId: string): Promise<BlockRow[]> =>
  q.query<BlockRow>(
    'blocks-of-room',
    `SELECT ${COLUMNS} FROM blocks WHERE app = $1 AND room_id = $2 ORDER BY created_at DESC, blockee_id`,
    [app, roomId],
  )

export const findBlocksBy = (q: Queryable, app: string, blockerId: string): Promise<BlockRow[]> =>
  q.query<BlockRow>(
    'blocks-by-blocker',
    `SELECT ${COLUMNS} FROM blocks WHERE app = $1 AND blocker_id = $2 ORDER BY created_at DESC, room_id, blockee_id`,
    [app, blockerId],
  )

export async function findBlocksOfRooms(
  q: Queryable,
  app: string,
  roomIds: readonly string[],
): Promise<BlockRow[]> {
  if (roomIds.length === 0) return []
  return q.query<BlockRow>(
    'blocks-of-rooms',
    `SELECT ${COLUMNS} FROM blocks WHERE app = $1 AND room_id = ANY($2::text[])`,
    [app, roomIds],
  )
}

/** Whether a user may not speak in a room. The send has this as a condition of its own (`insertMessage`). */
export async function isBlocked(q: Queryable, app: string, roomId: string, userId: string): Promise<boolean> {
  const rows = await q.query(
    'blocks-silence',
    `SELECT FROM blocks b JOIN rooms r ON r.app = b.app AND r.id = b.room_id
     WHERE b.app = $1 AND b.room_id = $2 AND (b.blockee_id = $3 OR r.room_type = 'direct') LIMIT 1`,
    [app, roomId, userId],
  )
  return rows.length > 0
}
