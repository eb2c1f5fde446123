import { REQUEST_ID_HEADER } from '#contract/identity.ts'
import {
  formatTraceParent,
  TRACE_PARENT_HEADER,
  TRACE_STATE_HEADER,
  type TraceContext,
} from '#contract/trace-context.ts'
import { type FieldLine, keptLine, ownLine, ownName, plainLine } from './field-lines.ts'

const FORWARDED_FOR = ownName('x-forwarded-for')
const FORWARDED_PROTO = ownName('x-forwarded-proto')
const FORWARDED_HOST = ownName('x-forwarded-host')
const REQUEST_ID = ownName(REQUEST_ID_HEADER)
const TRACE_PARENT = ownName(TRACE_PARENT_HEADER)
const TRACE_STATE = ownName(TRACE_STATE_HEADER)

const SCHEMES = {
  http: keptLine(ownLine(FORWARDED_PROTO, 'http')),
  https: keptLine(ownLine(FORWARDED_PROTO, 'https')),
}

const MAX_HOSTS = 512
const hosts = new Map<string, FieldLine>()

/** What the gateway itself tells the core of a request or an upgrade. */
export type Vouched = {
  /** Signed. */
  identity: FieldLine
  address: string
  /** The scheme that the client used, as far as this process can know. */
  scheme: 'http' | 'https'
  host: string
  /** As `RequestIds` gives them. */
  requestId: string
  /** What it is part of in traces, if anything. */
  trace?: TraceContext | undefined
}

/** The last step, for HTTP and upgrades alike: everything that folds to these names has been dropped before. */
export function injectFields(endToEnd: FieldLine[], vouched: Vouched): FieldLine[] {
  endToEnd.push(
    vouched.identity,
    ownLine(FORWARDED_FOR, vouched.address),
    SCHEMES[vouched.scheme],
    hostLine(vouched.host),
    plainLine(REQUEST_ID, vouched.requestId),
  )
  if (vouched.trace !== undefined) injectTrace(endToEnd, vouched.trace)
  return endToEnd
}

function injectTrace(endToEnd: FieldLine[], trace: TraceContext): void {
  endToEnd.push(ownLine(TRACE_PARENT, formatTraceParent(trace)))
  if (trace.state !== undefined) endToEnd.push(ownLine(TRACE_STATE, trace.state))
}

/** There are few, unless somebody makes them up. */
function hostLine(host: string): FieldLine {
  const known = hosts.get(host)
  if (known !== undefined) return known
  const line = keptLine(ownLine(FORWARDED_HOST, host))
  if (hosts.size >= MAX_HOSTS) hosts.clear()
  hosts.set(line.value, line)
  return line
}
