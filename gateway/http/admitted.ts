import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ErrorCode } from '../errors.ts'
import type { Admission } from '../pipeline.ts'
import type { Arrival } from './arrival.ts'

/** A request that may go on, with everything that is said of it to the core. */
export type AdmittedRequest = {
  req: IncomingMessage
  res: ServerResponse
  arrival: Arrival
  admission: Extract<Admission, { ok: true }>
  /** End-to-end fields with the identity injected. */
  fields: string[]
  /** Fields for the answer. */
  responseFields: readonly string[]
  requestId: string
}

/** Where an admitted request goes: to any core, or to the one its session lives on, with its body or another. */
export type Forwarded = (
  admitted: AdmittedRequest,
  fail: (code: ErrorCode, cause?: unknown) => void,
  options?: { nodeId?: string | undefined; body?: Buffer },
) => void
