import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

/**
 * JSON lines. Nothing that a caller sent is ever logged but its method, its path without the query, and its
 * address: a credential cannot leak through a field that is not written. Redaction is the second fence.
 */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { service: 'gateway' },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['req', 'headers', '*.headers', '*.authorization', '*.token', '*.secret', '*.password'],
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}
