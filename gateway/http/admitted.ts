import type { ErrorCode } from '../errors.ts'
import type { FieldLine } from '../headers/field-lines.ts'
import type { Admission } from '../pipeline.ts'
import type { ClientRequest, ClientResponse } from '../upstream/client-exchange.ts'
import type { ForwardResult } from '../upstream/forward-contract.ts'
import type { Arrival } from './arrival.ts'

/** A request that may go on, with everything that is said of it to the core. */
export type AdmittedRequest = {
  req: ClientRequest
  res: ClientResponse
  arrival: Arrival
  admission: Extract<Admission, { ok: true }>
  /** End-to-end fields with the identity injected. */
  fields: FieldLine[]
  /** Fields for the answer. */
  responseFields: readonly string[]
  requestId: string
  /** Called once, when the core has answered or never will. */
  onDone: ((result: ForwardResult) => void) | undefined
}

/** Answers in the forwarder's stead. */
export type Fail = (code: ErrorCode, cause?: unknown, retryAfterS?: number) => void

/** Where an admitted request goes: to any core, or to the one its session lives on, with its body or another. */
export type Forwarded = (
  admitted: AdmittedRequest,
  fail: Fail,
  options?: { nodeId?: string | undefined; body?: Buffer },
) => void
