/** W3C Trace Context: who a request belongs to in traces, as it travels between processes. */
export type TraceContext = {
  /** 32 hex digits. */
  traceId: string
  /** Of the span above, 16 hex digits. */
  spanId: string
  isSampled: boolean
  /** `tracestate`, which other tracing systems fill. */
  state: string | undefined
}

export const TRACE_PARENT_HEADER = 'traceparent'
export const TRACE_STATE_HEADER = 'tracestate'

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x20-\x7e]*)?$/
const ZERO = /^0+$/
const MAX_PARENT_LENGTH = 128

/** Undefined for whatever is not valid. A later version is read as the first, as the recommendation asks for. */
export function parseTraceContext(parent: unknown, state?: unknown): TraceContext | undefined {
  if (typeof parent !== 'string' || parent.length > MAX_PARENT_LENGTH) return undefined
  const [, version, traceId = '', spanId = '', flags = '', more] = PARENT.exec(parent) ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (ZERO.test(traceId) || ZERO.test(spanId)) return undefined
  const isSampled = (Number.parseInt(flags, 16) & 1) === 1
  return { traceId, spanId, isSampled, state: parseState(state) }
}

export const formatTraceParent = ({ traceId, spanId, isSampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-0${isSampled ? 1 : 0}`

const MAX_STATE_LENGTH = 512
const MAX_STATE_MEMBERS = 32
const MEMBER =
  /^[a-z0-9][a-z0-9_\-*/]{0,255}(?:@[a-z][a-z0-9_\-*/]{0,13})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/

/** A state with one bad member is dropped whole; the parent stands without it. */
function parseState(state: unknown): string | undefined {
  if (typeof state !== 'string' || state.length > MAX_STATE_LENGTH) return undefined
  const members = state.split(',').flatMap((member) => member.trim() || [])
  const keys = new Set(members.map((member) => member.slice(0, member.indexOf('='))))
  if (members.length === 0 || members.length > MAX_STATE_MEMBERS || keys.size < members.length)
    return undefined
  return members.every((member) => MEMBER.test(member)) ? members.join(',') : undefined
}
