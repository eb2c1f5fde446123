/**
 * What becomes of a request field, by its folded name. Names are folded before they are compared, because the
 * servers behind a proxy fold them too (CGI heritage): `IM_IDENTITY` or `im.identity` must meet the same rule as
 * `IM-Identity`.
 */
export type FieldRule =
  | 'pass'
  | 'drop'
  | 'forged'
  | 'connection'
  | 'host'
  | 'origin'
  | 'content-length'
  | 'transfer-encoding'
  | 'forwarded-for'
  | 'request-id'
  | 'trace-parent'
  | 'trace-state'
  | 'client-key'
  | 'legacy-client-key'
  | 'token'
  | 'legacy-token'
  | 'platform-key'
  | 'legacy-platform-key'
  | 'device-id'
  | 'acting-user'
  | 'console'
  | 'fetch-site'

/** Lower case, `_` and `.` as `-`. */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[_.]/g, '-')
}

const RULES = new Map<string, FieldRule>([
  ['connection', 'connection'],
  ['host', 'host'],
  ['origin', 'origin'],
  ['content-length', 'content-length'],
  ['transfer-encoding', 'transfer-encoding'],
  ['x-forwarded-for', 'forwarded-for'],
  ['x-request-id', 'request-id'],
  ['traceparent', 'trace-parent'],
  ['tracestate', 'trace-state'],
  ['im-client-key', 'client-key'],
  ['client-key', 'legacy-client-key'],
  ['im-authorization', 'token'],
  ['authorization', 'legacy-token'],
  ['im-api-key', 'platform-key'],
  ['api-key', 'legacy-platform-key'],
  ['im-device-id', 'device-id'],
  ['im-client-id', 'acting-user'],
  ['im-console', 'console'],
  ['sec-fetch-site', 'fetch-site'],
])

/** Hop-by-hop (RFC 9110 §7.6.1), and `Expect`, which is answered here. */
const HOP_BY_HOP = [
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  'http2-settings',
  'expect',
]

/** Names by which other servers have let a client change the method, the path or its own address. */
const OVERRIDES = [
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-method',
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'x-original-host',
  'x-host',
]

for (const name of [...HOP_BY_HOP, ...OVERRIDES]) RULES.set(name, 'drop')

/** Whole families: what the gateway itself tells the core, and everything that speaks of another address. */
const FORGED_PREFIXES = ['im-identity', 'im-credential', 'im-node']
const DROPPED_PREFIXES = ['x-forwarded', 'proxy-', 'sec-websocket-']

/** Raw names repeat from request to request; those seen are remembered, as long as they are few. */
const MAX_REMEMBERED = 2_000
const remembered = new Map<string, FieldRule>()

export function ruleOf(name: string): FieldRule {
  const known = remembered.get(name)
  if (known !== undefined) return known
  const folded = foldName(name)
  const rule = RULES.get(folded) ?? ruleOfFamily(folded)
  if (remembered.size < MAX_REMEMBERED && name.length <= 64) remembered.set(name, rule)
  return rule
}

function ruleOfFamily(folded: string): FieldRule {
  if (FORGED_PREFIXES.some((prefix) => folded.startsWith(prefix))) return 'forged'
  return DROPPED_PREFIXES.some((prefix) => folded.startsWith(prefix)) ? 'drop' : 'pass'
}
