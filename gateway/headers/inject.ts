import { IDENTITY_HEADER, REQUEST_ID_HEADER } from '#contract/identity.ts'
import {
  formatTraceParent,
  TRACE_PARENT_HEADER,
  TRACE_STATE_HEADER,
  type TraceContext,
} from '#contract/trace-context.ts'

/** What the gateway itself tells the core of a request or an upgrade. */
export type Vouched = {
  signedIdentity: string
  address: string
  /** The scheme that the client used, as far as this process can know. */
  scheme: 'http' | 'https'
  host: string
  requestId: string
  /** What it is part of in traces, if anything. */
  trace?: TraceContext | undefined
}

/** The last step, for HTTP and upgrades alike: everything that folds to these names has been dropped before. */
export function injectFields(endToEnd: string[], vouched: Vouched): string[] {
  endToEnd.push(
    IDENTITY_HEADER,
    vouched.signedIdentity,
    'x-forwarded-for',
    vouched.address,
    'x-forwarded-proto',
    vouched.scheme,
    'x-forwarded-host',
    vouched.host,
    REQUEST_ID_HEADER,
    vouched.requestId,
  )
  if (vouched.trace !== undefined) injectTrace(endToEnd, vouched.trace)
  return endToEnd
}

function injectTrace(endToEnd: string[], trace: TraceContext): void {
  endToEnd.push(TRACE_PARENT_HEADER, formatTraceParent(trace))
  if (trace.state !== undefined) endToEnd.push(TRACE_STATE_HEADER, trace.state)
}
