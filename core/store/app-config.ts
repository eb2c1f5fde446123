import type { Queryable } from './database.ts'

export type ConfigEntry = { key: string; content: unknown }

export const findConfig = (q: Queryable, app: string): Promise<ConfigEntry[]> =>
  q.query<ConfigEntry>('config-all', 'SELECT key, content FROM app_config WHERE app = $1 ORDER BY key', [app])

/** In the order of their keys, so that two of these cannot deadlock. */
export async function putConfig(
  q: Queryable,
  app: string,
  entries: readonly ConfigEntry[],
  at: Date,
): Promise<void> {
  await q.query(
    'config-put',
    `INSERT INTO app_config (app, key, content, updated_at)
     SELECT $1, key, content::json, $4 FROM unnest($2::text[], $3::text[]) AS given (key, content)
     ORDER BY key COLLATE "C"
     ON CONFLICT (app, key) DO UPDATE SET content = excluded.content, updated_at = excluded.updated_at`,
    [app, entries.map(({ key }) => key), entries.map(({ content }) => JSON.stringify(content)), at],
  )
}

/** @returns whether there was one */
export async function deleteConfig(q: Queryable, app: string, key: string): Promise<boolean> {
  const rows = await q.query(
    'config-delete',
    'DELETE FROM app_config WHERE app = $1 AND key = $2 RETURNING key',
    [app, key],
  )
  return rows.length > 0
}
