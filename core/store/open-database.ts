import type { Database } from './database.ts'
import { openPglite } from './pglite.ts'
import { openPostgres, POSTGRES_DEFAULTS, type PostgresOptions } from './postgres.ts'

export type DatabaseTarget =
  | { kind: 'postgres'; url: string }
  | { kind: 'pglite'; directory: string | undefined }

/** Reads `postgres://…`, `pglite:<directory>` or `pglite:memory`. @throws Error, without quoting the URL. */
export function parseDatabaseUrl(url: string): DatabaseTarget {
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return { kind: 'postgres', url }
  const [, directory] = /^pglite:(.+)$/.exec(url) ?? []
  if (directory === 'memory') return { kind: 'pglite', directory: undefined }
  if (directory !== undefined) return { kind: 'pglite', directory }
  throw new Error('a database is "postgres://…", "pglite:<directory>" or "pglite:memory"')
}

/** Opens, does not migrate. `onBroken` is the embedded engine's. PGlite is ready when this resolves; PostgreSQL is first reached by a query. */
export async function openDatabase(
  url: string,
  { onBroken, ...options }: Partial<PostgresOptions> & { onBroken?: () => void } = {},
): Promise<Database> {
  const target = parseDatabaseUrl(url)
  return target.kind === 'pglite'
    ? openPglite(target.directory, onBroken)
    : openPostgres(target.url, { ...POSTGRES_DEFAULTS, ...options })
}
