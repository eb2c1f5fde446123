import { Pool, type PoolClient, DatabaseError as ProtocolError } from 'pg'
import { CoreError } from '../errors.ts'
import { columnParser } from './column-types.ts'
import type { Database, Queryable, Row } from './database.ts'
import { encodeParameter } from './parameters.ts'
import { createStatementBook, refusal, rolledBack, unavailable } from './refusals.ts'

export type PostgresOptions = {
  poolSize: number
  connectTimeoutMs: number
  /** Enforced by the server; a little later by the client too, for a server that no longer answers at all. */
  statementTimeoutMs: number
}

export const POSTGRES_DEFAULTS: PostgresOptions = {
  poolSize: 10,
  connectTimeoutMs: 3_000,
  statementTimeoutMs: 10_000,
}

const CLIENT_GRACE_MS = 2_000
const MIGRATION_TIMEOUT_MS = 600_000

/** @throws Error for a URL that cannot be read; connects lazily, so an absent server shows at the first query. */
export function openPostgres(url: string, options: PostgresOptions): Database {
  const pool = new Pool({
    connectionString: url,
    max: options.poolSize,
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    query_timeout: options.statementTimeoutMs + CLIENT_GRACE_MS,
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    keepAlive: true,
    types: { getTypeParser: columnParser },
    application_name: 'imkit-core',
  })
  // An idle connection that breaks is replaced by the pool; whoever needs the next one learns what is wrong.
  pool.on('error', () => {})
  const check = createStatementBook()

  const queryOn = (target: Pool | PoolClient): Queryable['query'] => {
    return async <R extends Row>(name: string, sql: string, params: readonly unknown[] = []) => {
      check(name, sql)
      const statement = { text: sql, values: params.map(encodeParameter), ...(name !== '' && { name }) }
      try {
        return (await target.query<R>(statement)).rows
      } catch (error) {
        throw translate(error)
      }
    }
  }

  return {
    kind: 'postgres',
    query: queryOn(pool),
    async transaction(work) {
      const client = await connect(pool)
      let broken = false
      const onError = () => {
        broken = true
      }
      client.on('error', onError)
      try {
        await control(client, 'BEGIN')
        const result = await work({ query: queryOn(client) })
        if ((await control(client, 'COMMIT')) === 'ROLLBACK') throw rolledBack()
        return result
      } catch (error) {
        // A connection that stopped answering is thrown away, which rolls back as well.
        if (error instanceof CoreError && error.code === 'STORE_UNAVAILABLE') broken = true
        else await control(client, 'ROLLBACK').catch(onError)
        throw error
      } finally {
        client.off('error', onError)
        client.release(broken)
      }
    },
    async run(sql) {
      try {
        await pool.query(unhurried(sql))
      } catch (error) {
        throw translate(error)
      }
    },
    close: () => pool.end(),
  }
}

/** Without values this goes as one simple query: its statements stand or fall together. */
const unhurried = (sql: string) => ({
  text: `SET LOCAL statement_timeout = 0;\n${sql}`,
  query_timeout: MIGRATION_TIMEOUT_MS,
})

async function control(client: PoolClient, command: string): Promise<string> {
  try {
    return (await client.query(command)).command
  } catch (error) {
    throw translate(error)
  }
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect()
  } catch (error) {
    throw translate(error)
  }
}

/** What is not an answer of the server is a connection that broke, timed out or never came to be. */
function translate(error: unknown): Error {
  if (error instanceof ProtocolError && error.code !== undefined)
    return refusal(error.code, error.constraint, error)
  return unavailable(error)
}
