import type { ErrorCode } from '../errors.ts'

/**
 * Why an exchange with a core ended before its response did.
 * - `connect`, `connect-timeout`: no connection came about, so nothing was sent.
 * - `stale`: a connection that had served before was closed before the first byte of this response; the core
 *   may have closed it for being idle, and normally never saw the request.
 * - `closed`: any other end of the connection.
 * - `malformed`: the response, or what followed it, is not HTTP as we accept it.
 * - `timeout`: the core was silent, or did not read, for too long.
 * - `client-timeout`: the core waited, but the client sent or read nothing for too long.
 */
export type FailureCause =
  | 'connect'
  | 'connect-timeout'
  | 'stale'
  | 'closed'
  | 'malformed'
  | 'timeout'
  | 'client-timeout'

export type UpstreamFailure = { cause: FailureCause; error?: unknown }

const CODES: Record<FailureCause, ErrorCode> = {
  connect: 'NO_UPSTREAM',
  'connect-timeout': 'UPSTREAM_TIMEOUT',
  stale: 'BAD_UPSTREAM',
  closed: 'BAD_UPSTREAM',
  malformed: 'BAD_UPSTREAM',
  timeout: 'UPSTREAM_TIMEOUT',
  'client-timeout': 'REQUEST_TIMEOUT',
}

export const codeOfFailure = (failure: UpstreamFailure): ErrorCode => CODES[failure.cause]

/** Whether the core cannot have acted on the request, or so probably not that an idempotent one is repeated. */
export const mayRepeat = (failure: UpstreamFailure): boolean =>
  failure.cause === 'connect' || failure.cause === 'connect-timeout' || failure.cause === 'stale'

/** A response that breaks the grammar; the connection that it came on is destroyed. */
export class ResponseSyntaxError extends Error {
  constructor(what: string) {
    super(`malformed response: ${what}`)
    this.name = 'ResponseSyntaxError'
  }
}
