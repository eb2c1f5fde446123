/**
 * The database as the store's SQL files see it: PostgreSQL through `pg`, or PGlite in a worker thread. Same SQL,
 * same migrations, one conformance suite.
 */

export type Row = Record<string, unknown>

export type Queryable = {
  /**
   * Runs one statement. `name` identifies the text for the server's prepared statements: one name, one text.
   * Placeholders are $1, $2, …; timestamptz arrives as Date, bigint and numeric as number, jsonb parsed.
   * @throws CoreError STORE_UNAVAILABLE where the database cannot be reached; DatabaseError for what it refused.
   */
  query<R extends Row = Row>(name: string, sql: string, params?: readonly unknown[]): Promise<R[]>
}

export type Database = Queryable & {
  kind: 'postgres' | 'pglite'
  /** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. Not nested. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>
  /** Several statements without parameters, for migrations alone. */
  run(sql: string): Promise<void>
  close(): Promise<void>
}

const DAMAGED = new Set(['XX001', 'XX002'])

/** What the database refused, by SQLSTATE; `constraint` names the violated one. */
export class DatabaseError extends Error {
  readonly sqlState: string
  readonly constraint: string | undefined
  constructor(sqlState: string, constraint: string | undefined, options: { cause: unknown }) {
    super(
      DAMAGED.has(sqlState)
        ? `the database is damaged (${sqlState}): restore a backup`
        : `the database refused a statement (${sqlState})`,
      options,
    )
    this.name = 'DatabaseError'
    this.sqlState = sqlState
    this.constraint = constraint
  }
}

export const UNIQUE_VIOLATION = '23505'
export const FOREIGN_KEY_VIOLATION = '23503'
