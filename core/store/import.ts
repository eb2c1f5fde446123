/**
 * Takes over what another deployment exported. Everything goes by its id, so that what is there already stays as it
 * is and nothing comes twice. Messages wait in a table of the import's own until all of a room's are known; then they
 * are numbered in the order of their times.
 */
import type { Queryable } from './database.ts'
import { MAX_SORTED_MEMBERS } from './members.ts'

export type ImportKind = 'user' | 'token' | 'room' | 'member' | 'message'

/** Gone when the import is complete, all but the first, which knows what was imported. */
export const IMPORT_TABLES = `
  CREATE TABLE IF NOT EXISTS import_files (
    app text NOT NULL, digest text NOT NULL, lines bigint NOT NULL DEFAULT 0, numbered boolean NOT NULL DEFAULT false,
    PRIMARY KEY (app, digest)
  );
  CREATE TABLE IF NOT EXISTS import_messages (
    app text NOT NULL, room_id text NOT NULL, id text NOT NULL, place bigint GENERATED ALWAYS AS IDENTITY,
    sender_id text, client_message_id text, message_type text NOT NULL, message json, fields json NOT NULL,
    reply_id text, counts boolean NOT NULL, grams integer[], created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL, edited_at timestamptz,
    PRIMARY KEY (app, room_id, id)
  );
  CREATE TABLE IF NOT EXISTS import_members (
    app text NOT NULL, room_id text NOT NULL, user_id text NOT NULL, read_at timestamptz,
    PRIMARY KEY (app, room_id, user_id)
  )`

export type ImportedFile = { lines: number; numbered: boolean }

export async function findImportedFile(q: Queryable, app: string, digest: string): Promise<ImportedFile> {
  const [row] = await q.query<ImportedFile>(
    'import-file',
    'SELECT lines, numbered FROM import_files WHERE app = $1 AND digest = $2',
    [app, digest],
  )
  return row ?? { lines: 0, numbered: false }
}

/** In the transaction that took the lines over. */
export async function noteImported(
  tx: Queryable,
  app: string,
  digest: string,
  { lines, numbered }: ImportedFile,
): Promise<void> {
  await tx.query(
    'import-file-note',
    `INSERT INTO import_files (app, digest, lines, numbered) VALUES ($1, $2, $3, $4)
     ON CONFLICT (app, digest) DO UPDATE SET lines = excluded.lines, numbered = excluded.numbered`,
    [app, digest, lines, numbered],
  )
}

/** Of one kind, in their order. @returns how many were new */
export async function importRows(
  tx: Queryable,
  app: string,
  kind: ImportKind,
  rows: readonly object[],
): Promise<number> {
  const [counted] = await tx.query<{ count: number }>(`import-${kind}`, SQL[kind], [
    app,
    JSON.stringify(rows),
  ])
  return counted?.count ?? 0
}

const SQL: Readonly<Record<ImportKind, string>> = {
  user: `WITH added AS (
      INSERT INTO users (app, id, nickname, avatar_url, email, description, is_robot, notification_enabled, custom,
        last_login_at, created_at, updated_at, disabled_at)
      SELECT $1, id, nickname, avatar_url, email, description, is_robot, notification_enabled, custom,
        last_login_at, created_at, created_at, disabled_at
      FROM json_to_recordset($2::json) AS given (id text, nickname text, avatar_url text, email text,
        description text, is_robot boolean, notification_enabled boolean, custom jsonb, last_login_at timestamptz,
        created_at timestamptz, disabled_at timestamptz)
      ON CONFLICT (app, id) DO NOTHING RETURNING id
    ) SELECT count(*) AS count FROM added`,
  token: `WITH added AS (
      INSERT INTO tokens (digest, app, user_id, issued, created_at, updated_at, expires_at)
      SELECT digest, $1, user_id, false, created_at, created_at, expires_at
      FROM json_to_recordset($2::json) AS given (digest text, user_id text, created_at timestamptz,
        expires_at timestamptz)
      ON CONFLICT (digest) DO NOTHING RETURNING digest
    ) SELECT count(record_credential($1, 'granted', 'client-token', digest)) AS count FROM added`,
  room: `WITH added AS (
      INSERT INTO rooms (app, id, room_type, name, cover, description, owner_id, manager_ids, room_tags, webhook,
        active_at, bumped_at, created_at, updated_at)
      SELECT $1, id, room_type, name, cover, description, owner_id,
        ARRAY(SELECT json_array_elements_text(manager_ids)), ARRAY(SELECT json_array_elements_text(room_tags)), webhook,
        created_at, created_at, created_at, created_at
      FROM json_to_recordset($2::json) AS given (id text, room_type text, name text, cover text, description text,
        owner_id text, manager_ids json, room_tags json, webhook text, created_at timestamptz)
      ON CONFLICT (app, id) DO NOTHING RETURNING id
    ) SELECT count(*) AS count FROM added`,
  member: `WITH given AS (
      SELECT * FROM json_to_recordset($2::json) AS given (room_id text, user_id text, role text,
        joined_at timestamptz, read_at timestamptz)
    ), marked AS (
      INSERT INTO import_members (app, room_id, user_id, read_at)
      SELECT DISTINCT ON (room_id, user_id) $1, room_id, user_id, read_at FROM given
      ON CONFLICT (app, room_id, user_id) DO UPDATE SET read_at = excluded.read_at
    ), added AS (
      INSERT INTO members (app, room_id, user_id, role, joined_seq, joined_at, read_seq, read_counted, sort_at)
      SELECT $1, room_id, user_id, role, 0, joined_at, 0, 0, joined_at FROM given
      ON CONFLICT (app, room_id, user_id) DO NOTHING RETURNING room_id
    ) SELECT count(*) AS count FROM added`,
  message: `WITH added AS (
      INSERT INTO import_messages (app, room_id, id, sender_id, client_message_id, message_type, message, fields,
        reply_id, counts, grams, created_at, updated_at, edited_at)
      SELECT $1, room_id, id, sender_id, client_message_id, message_type, message, fields, reply_id, counts,
        grams::int[], created_at, updated_at, edited_at
      FROM json_to_recordset($2::json) AS given (room_id text, id text, sender_id text, client_message_id text,
        message_type text, message json, fields json, reply_id text, counts boolean, grams text,
        created_at timestamptz, updated_at timestamptz, edited_at timestamptz)
      WHERE NOT EXISTS (SELECT FROM messages m WHERE m.app = $1 AND m.id = given.id AND m.room_id = given.room_id)
      ON CONFLICT (app, room_id, id) DO NOTHING RETURNING id
    ) SELECT count(*) AS count FROM added`,
}

/** Rooms whose messages or members wait. */
export async function roomsToNumber(q: Queryable, app: string): Promise<string[]> {
  const rows = await q.query<{ id: string }>(
    'import-rooms',
    `SELECT room_id AS id FROM import_messages WHERE app = $1
     UNION SELECT room_id FROM import_members WHERE app = $1 ORDER BY id`,
    [app],
  )
  return rows.map(({ id }) => id)
}

/**
 * Gives a room its waiting messages, behind those that it has, and its members their marks. In a transaction.
 * @returns how many messages were older than what the room has, and were left out: seq and time must agree
 */
export async function numberRoom(tx: Queryable, app: string, roomId: string): Promise<number> {
  const room = [app, roomId]
  await tx.query('import-lock', 'SELECT 1 FROM rooms WHERE app = $1 AND id = $2 FOR UPDATE', room)
  const [late] = await tx.query<{ count: number }>(
    'import-late',
    `WITH late AS (
       DELETE FROM import_messages s USING rooms r
       WHERE s.app = $1 AND s.room_id = $2 AND r.app = $1 AND r.id = $2 AND r.last_seq > 0 AND s.created_at < r.active_at
       RETURNING s.id
     ) SELECT count(*) AS count FROM late`,
    room,
  )
  await tx.query(
    'import-number',
    `WITH room AS (
       SELECT last_seq, counted FROM rooms WHERE app = $1 AND id = $2
     ), placed AS (
       SELECT s.*, row_number() OVER line AS step, count(*) FILTER (WHERE counts) OVER line AS counted_step,
         -- A sender uses one once in a room. A second message of it is another message all the same.
         CASE WHEN row_number() OVER (PARTITION BY sender_id, client_message_id ORDER BY created_at, place) = 1
           AND NOT EXISTS (SELECT FROM messages m WHERE m.app = $1 AND m.room_id = $2
             AND m.sender_id IS NOT DISTINCT FROM s.sender_id AND m.client_message_id = s.client_message_id)
           THEN client_message_id END AS own_client_id
       FROM import_messages s WHERE app = $1 AND room_id = $2 WINDOW line AS (ORDER BY created_at, place)
     ), added AS (
       INSERT INTO messages (app, room_id, id, sender_id, client_message_id, message_type, message, fields, reply_id,
         grams, seq, counted, created_at, updated_at, edited_at)
       SELECT $1, $2, id, sender_id, own_client_id, message_type, message, fields, reply_id, grams,
         room.last_seq + step, room.counted + counted_step, created_at, updated_at, edited_at
       FROM placed, room ORDER BY step
       RETURNING seq, counted, created_at
     ), total AS (
       SELECT count(*) AS many, max(seq) AS seq, max(counted) AS counted, max(created_at) AS at FROM added
     )
     UPDATE rooms r SET last_seq = total.seq, last_message_seq = total.seq, counted = total.counted,
       message_count = message_count + total.many, active_at = GREATEST(r.active_at, total.at),
       bumped_at = GREATEST(r.active_at, total.at)
     FROM total WHERE r.app = $1 AND r.id = $2 AND total.many > 0`,
    room,
  )
  await tx.query('import-numbered', 'DELETE FROM import_messages WHERE app = $1 AND room_id = $2', room)
  await tx.query(
    'import-marks',
    `WITH mark AS (
       SELECT w.user_id, last.seq, last.counted, last.id
       FROM import_members w CROSS JOIN LATERAL (
         SELECT seq, counted, id FROM messages
         WHERE app = $1 AND room_id = $2 AND (w.read_at IS NULL OR created_at <= w.read_at OR sender_id = w.user_id)
         ORDER BY seq DESC LIMIT 1
       ) last WHERE w.app = $1 AND w.room_id = $2
     )
     UPDATE members m SET read_seq = mark.seq, read_counted = mark.counted, read_message_id = mark.id
     FROM mark WHERE m.app = $1 AND m.room_id = $2 AND m.user_id = mark.user_id AND m.read_seq < mark.seq`,
    room,
  )
  await tx.query('import-marked', 'DELETE FROM import_members WHERE app = $1 AND room_id = $2', room)
  await tx.query(
    'import-room-members',
    `UPDATE rooms r SET member_count = inside.many,
       pair = CASE WHEN room_type = 'direct' AND inside.many = 2 THEN inside.ids END
     FROM (
       SELECT count(*) AS many, array_agg(user_id ORDER BY user_id COLLATE "C") AS ids
       FROM members WHERE app = $1 AND room_id = $2
     ) inside WHERE r.app = $1 AND r.id = $2`,
    room,
  )
  await tx.query(
    'import-sort',
    `UPDATE members m SET
       sort_at = CASE WHEN r.member_count > $3::int THEN 'infinity' ELSE GREATEST(m.sort_at, r.active_at) END
     FROM rooms r WHERE r.app = $1 AND r.id = $2 AND r.status = 1 AND m.app = $1 AND m.room_id = $2`,
    [app, roomId, MAX_SORTED_MEMBERS],
  )
  return late?.count ?? 0
}
