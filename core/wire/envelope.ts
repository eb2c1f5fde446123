import { type ErrorCode, errorEntry } from '../errors.ts'

export type Success = { RC: 0; RM: 'OK'; result: unknown }
export type Failure = {
  RC: number
  RM: string
  error: { code: ErrorCode; message: string }
  /** Seconds. */
  retryAfter?: number
}

/** What is too much now passes soon: uploads end, sockets close. */
export const RETRY_AFTER_S = 1

export const ok = (result: unknown): Success => ({ RC: 0, RM: 'OK', result })

/** RC is the HTTP status. An error always has this body: some clients hang on one without it. */
export function failure(code: ErrorCode, detail?: string): Failure {
  const { status, message } = errorEntry(code)
  const text = detail === undefined ? message : `${message} ${detail}`
  const answer = { RC: status, RM: text, error: { code, message: text } }
  return status === 429 ? { ...answer, retryAfter: RETRY_AFTER_S } : answer
}
