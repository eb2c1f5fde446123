import type { FastifyReply, FastifyRequest } from 'fastify'
import { REQUEST_ID_HEADER } from '#contract/identity.ts'
import { CoreError, errorEntry } from '../errors.ts'
import type { Logger } from '../observe/log.ts'
import { DatabaseError } from '../store/database.ts'
import { failure, RETRY_AFTER_S } from '../wire/envelope.ts'

/** What PostgreSQL cannot hold (class 22: NUL in texts, numbers out of range; keys too long): the request's fault. */
const DATA_EXCEPTION = '22'
const PROGRAM_LIMIT_EXCEEDED = '54000'
/** Of transactions that lost to another: try again. */
const RETRYABLE = new Set(['40001', '40P01'])

/** The one place where an error becomes an answer, and where a fault of ours is logged. */
export function answerFailure(log: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const known = toCoreError(error)
  const { status } = errorEntry(known.code)
  if (status >= 500)
    log.error(
      {
        err: error,
        reason: known.code,
        method: request.method,
        route: request.routeOptions?.url,
        requestId: request.headers[REQUEST_ID_HEADER],
      },
      'request failed',
    )
  if (status === 429) reply.header('retry-after', String(RETRY_AFTER_S))
  return reply.code(status).send(failure(known.code, known.detail))
}

function toCoreError(error: unknown): CoreError {
  if (error instanceof CoreError) return error
  if (error instanceof DatabaseError) {
    if (error.sqlState.startsWith(DATA_EXCEPTION) || error.sqlState === PROGRAM_LIMIT_EXCEEDED)
      return new CoreError('INVALID_REQUEST', 'It has a value that cannot be kept.', { cause: error })
    if (RETRYABLE.has(error.sqlState)) return new CoreError('STORE_UNAVAILABLE', undefined, { cause: error })
    return new CoreError('INTERNAL', undefined, { cause: error })
  }
  const status = statusOf(error)
  if (status === 413) return new CoreError('PAYLOAD_TOO_LARGE', undefined, { cause: error })
  if (status === 415) return new CoreError('UNSUPPORTED_MEDIA_TYPE', undefined, { cause: error })
  if (status === 404) return new CoreError('NOT_FOUND', undefined, { cause: error })
  if (status === 503) return new CoreError('SHUTTING_DOWN', undefined, { cause: error })
  if (status >= 400 && status < 500) return new CoreError('INVALID_REQUEST', undefined, { cause: error })
  return new CoreError('INTERNAL', undefined, { cause: error })
}

/** Fastify's own errors carry a status. */
const statusOf = (error: unknown): number =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : 500
