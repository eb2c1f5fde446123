import { CREDENTIAL_POSITION_HEADER, REQUEST_ID_HEADER } from '#contract/identity.ts'
import { createFieldLines, type FieldLine, type FieldLines } from '../headers/field-lines.ts'
import { foldName } from '../headers/names.ts'

/** Names the core that answered; sessions of long-polling are routed by it. */
export const NODE_ID_HEADER = 'im-node-id'

/** What becomes of a response's field. `withheld`: the client never sees it. */
export type ResponseRole =
  | 'end-to-end'
  | 'withheld'
  | 'connection'
  | 'keep-alive'
  | 'content-length'
  | 'transfer-encoding'
  | 'node-id'
  | 'credential-position'

export type ResponseLine = FieldLine<ResponseRole>

const ROLES = new Map<string, ResponseRole>([
  ['connection', 'connection'],
  ['keep-alive', 'keep-alive'],
  ['content-length', 'content-length'],
  ['transfer-encoding', 'transfer-encoding'],
  [NODE_ID_HEADER, 'node-id'],
  [CREDENTIAL_POSITION_HEADER, 'credential-position'],
])

/** Hop-by-hop, RFC 9110 §7.6.1. `trailer` too: trailers are dropped. */
const HOP_BY_HOP = ['proxy-connection', 'te', 'trailer', 'upgrade', 'http2-settings']

/** Never a client's to see, in whatever spelling; and CORS and request id, which the gateway answers itself. */
const WITHHELD_PREFIXES = ['proxy-', 'im-identity', 'im-credential', 'im-node', 'access-control-']
const WITHHELD = [
  REQUEST_ID_HEADER,
  'im-client-key',
  'client-key',
  'im-authorization',
  'authorization',
  'im-api-key',
  'api-key',
]

/** What cores say again and again, and of nobody. */
const REPEATED =
  /^(?:date|server|content-type|connection|keep-alive|vary|cache-control|accept-ranges|transfer-encoding|content-encoding|im-node-id|x-content-type-options)$/

/** The lines of all responses. */
export const responseLines: FieldLines<ResponseRole> = createFieldLines(roleOf, REPEATED)

function roleOf(lower: string): ResponseRole {
  const role = ROLES.get(lower)
  if (role !== undefined) return role
  const folded = foldName(lower)
  const withheld =
    ROLES.has(folded) ||
    HOP_BY_HOP.includes(folded) ||
    WITHHELD.includes(folded) ||
    WITHHELD_PREFIXES.some((prefix) => folded.startsWith(prefix))
  return withheld ? 'withheld' : 'end-to-end'
}

export type ReceivedFields = {
  lines: ResponseLine[]
  /** What `Connection` names, in lower case; undefined in the usual case that it names nothing. */
  connectionNames: string[] | undefined
}

/** What the gateway says itself. */
export type AddedFields = {
  /** Flat; the same array again where they are the same. */
  responseFields: readonly string[]
  requestId?: string | undefined
}

/** Whether a field goes on to the client. Framing is left to the caller. */
export const isRelayed = ({ name }: ResponseLine, { connectionNames }: ReceivedFields): boolean =>
  name.role === 'end-to-end' && connectionNames?.includes(name.lower) !== true

/** Those that do, flat, followed by `added`. */
export function relayedFields(received: ReceivedFields, added: readonly string[]): string[] {
  const fields: string[] = []
  for (const line of received.lines) if (isRelayed(line, received)) fields.push(line.name.raw, line.value)
  for (const text of added) fields.push(text)
  return fields
}
