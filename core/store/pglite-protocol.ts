/** What the main thread and PGlite's worker say to each other: one statement, one answer, in order. */

export type PgliteStart = { dataDirectory: string | undefined }

export type PgliteRequest = { id: number } & (
  | { op: 'statement'; name: string; sql: string; values: (string | null)[] }
  | { op: 'script'; sql: string }
  | { op: 'close' }
)

export type PgliteRefusal = { sqlState: string; constraint: string | undefined; message: string }

export type PgliteColumn = { name: string; oid: number }

/** Values in PostgreSQL's text format; they become typed on the main thread, with the parsers of `pg`. */
export type PgliteAnswer =
  | { id: number; columns: PgliteColumn[]; rows: (string | null)[][]; tag: string }
  | { id: number; refused: PgliteRefusal }
  | { id: number; broken: string }

/** The first message: how the start went. */
export type PgliteReady = { ready: true } | { ready: false; reason: string }
