import type { Tracer } from '#contract/tracer.ts'
import { CoreError } from '../errors.ts'
import { type Database, DatabaseError, type Queryable } from '../store/database.ts'

/** Spans for the statements of what is traced: by their names, without their texts and values. */
export function traceDatabase(db: Database, tracer: Tracer): Database {
  async function traced<T>(name: string, work: () => Promise<T>): Promise<T> {
    const asking = tracer.current()
    if (asking === undefined) return work()
    const span = tracer.start(name, {
      kind: 'client',
      parent: asking.context,
      attributes: { 'db.system.name': 'postgresql' },
    })
    try {
      return await tracer.run(span, work)
    } catch (error) {
      span.fail(codeOf(error))
      throw error
    } finally {
      span.end()
    }
  }

  const queryOf =
    (target: Queryable): Queryable['query'] =>
    (name, sql, params) =>
      traced(name === '' ? 'statement' : name, () => target.query(name, sql, params))

  return {
    kind: db.kind,
    query: queryOf(db),
    transaction: (work) => traced('transaction', () => db.transaction((tx) => work({ query: queryOf(tx) }))),
    run: db.run,
    close: db.close,
  }
}

function codeOf(error: unknown): string {
  if (error instanceof DatabaseError) return error.sqlState
  return error instanceof CoreError ? error.code : 'INTERNAL'
}
