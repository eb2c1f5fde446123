import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

/** How deep causes are followed; a chain that is longer says nothing new. */
const MAX_CAUSES = 5

/** An outage fails every request alike, wherever it is noticed: its stack tells nothing, and would fill the log. */
const OUTAGE = 'STORE_UNAVAILABLE'

/**
 * JSON lines. Requests are logged by method, path and status alone, and of errors only what is known to be
 * harmless: a database's error quotes rows, a client library's quotes its command. Redaction is the second fence.
 */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service: 'core' },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    redact: ['req', 'headers', '*.headers', '*.authorization', '*.token', '*.secret', '*.password'],
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

type Described = { type: string; message: string; code?: string; stack?: string; cause?: Described }

/** Name, message, code and causes of an error, the stack of the outermost; never its other properties. */
export function describeError(error: unknown, depth = 0): Described {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an error' }
  const code = codeOf(error)
  return {
    type: error.name,
    message: error.message,
    ...(code !== undefined && { code }),
    ...(depth === 0 && code !== OUTAGE && error.stack !== undefined && { stack: error.stack }),
    ...(error.cause !== undefined && depth < MAX_CAUSES && { cause: describeError(error.cause, depth + 1) }),
  }
}

function codeOf(error: Error): string | undefined {
  if ('code' in error && typeof error.code === 'string') return error.code
  return 'sqlState' in error && typeof error.sqlState === 'string' ? error.sqlState : undefined
}
