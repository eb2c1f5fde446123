import { CoreError } from '../errors.ts'

/** ISO 8601: a date, or a date and time; the last year of four digits is the end of time. */
const ISO_DATE = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/

/** Reads `expirationDate`; undefined where it is absent. @throws CoreError INVALID_REQUEST */
export function parseExpiration(value: unknown): Date | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const ms = typeof value === 'string' && ISO_DATE.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(ms)) throw new CoreError('INVALID_REQUEST', '"expirationDate" is not an ISO 8601 date.')
  return new Date(ms)
}
