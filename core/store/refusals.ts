import { CoreError } from '../errors.ts'
import { DatabaseError } from './database.ts'

/** SQLSTATEs that speak of the server's state and not of the statement: try again, perhaps on another server. */
const UNAVAILABLE = new Set([
  '25006', // read-only: a standby after failover
  '25P03', // a transaction stood still for too long, as all do while the server stands still
  '53100', // the disk is full
  '53300', // too many connections
  '57014', // cancelled by the statement timeout
  '57P01', // administrator's shutdown
  '57P02', // crash shutdown
  '57P03', // starting up
  '57P05', // idle session timeout
  '58030', // an error of its disk
])
const CONNECTION_CLASS = '08'

/** The error that the store throws for an SQLSTATE. */
export function refusal(sqlState: string, constraint: string | undefined, cause: unknown): Error {
  return sqlState.startsWith(CONNECTION_CLASS) || UNAVAILABLE.has(sqlState)
    ? unavailable(cause)
    : new DatabaseError(sqlState, constraint, { cause })
}

export const unavailable = (cause: unknown): CoreError =>
  new CoreError('STORE_UNAVAILABLE', undefined, { cause })

const IN_FAILED_TRANSACTION = '25P02'

/** COMMIT of a transaction in which a statement failed answers ROLLBACK; to our callers that is a failure. */
export const rolledBack = (): DatabaseError =>
  new DatabaseError(IN_FAILED_TRANSACTION, undefined, {
    cause: new Error('a statement failed inside the transaction, and its error was swallowed'),
  })

/** Holds callers to "one name, one text": a prepared statement is found by its name alone. '' prepares none. */
export function createStatementBook(): (name: string, sql: string) => void {
  const texts = new Map<string, string>()
  return (name, sql) => {
    if (name === '') return
    const known = texts.get(name)
    if (known === undefined) texts.set(name, sql)
    else if (known !== sql) throw new Error(`two statements are named "${name}"`)
  }
}
