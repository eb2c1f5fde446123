import { REQUEST_ID_HEADER } from '#contract/identity.ts'
import {
  formatTraceParent,
  TRACE_PARENT_HEADER,
  TRACE_STATE_HEADER,
  type TraceContext,
} from '#contract/trace-context.ts'
import { type FieldLine, keptLine, ownLine, ownName } from './field-lines.ts'

/** What the gateway itself tells the core of a request or an upgrade. */
export type Vouched = {
  /** Signed. */
  identity: FieldLine
  address: string
  /** The scheme that the client used, as far as this process can know. */
  scheme: 'http' | 'https'
  host: string
  requestId: string
  /** What it is part of in traces, if anything. */
  trace?: TraceContext | undefined
}

/** The last step, for HTTP and upgrades alike: everything that folds to these names has been dropped before. */
export function injectFields(endToEnd: FieldLine[], vouched: Vouched): FieldLine[] {
  const { address, scheme, host } = forwardedOf(vouched)
  endToEnd.push(vouched.identity, address, scheme, host, ownLine(REQUEST_ID, vouched.requestId))
  if (vouched.trace !== undefined) injectTrace(endToEnd, vouched.trace)
  return endToEnd
}

function injectTrace(endToEnd: FieldLine[], trace: TraceContext): void {
  endToEnd.push(ownLine(TRACE_PARENT, formatTraceParent(trace)))
  if (trace.state !== undefined) endToEnd.push(ownLine(TRACE_STATE, trace.state))
}

const FORWARDED_FOR = ownName('x-forwarded-for')
const FORWARDED_PROTO = ownName('x-forwarded-proto')
const FORWARDED_HOST = ownName('x-forwarded-host')
const REQUEST_ID = ownName(REQUEST_ID_HEADER)
const TRACE_PARENT = ownName(TRACE_PARENT_HEADER)
const TRACE_STATE = ownName(TRACE_STATE_HEADER)

type Forwarded = { address: FieldLine; scheme: FieldLine; host: FieldLine }

const MAX_REMEMBERED = 2_048
const remembered = new Map<string, Forwarded>()

/** The same address mostly comes the same way again. */
function forwardedOf({ address, scheme, host }: Vouched): Forwarded {
  const known = remembered.get(address)
  if (known?.host.value === host && known.scheme.value === scheme) return known
  const made = {
    address: keptLine(ownLine(FORWARDED_FOR, address)),
    scheme: keptLine(ownLine(FORWARDED_PROTO, scheme)),
    host: keptLine(ownLine(FORWARDED_HOST, host)),
  }
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  remembered.set(made.address.value, made)
  return made
}
