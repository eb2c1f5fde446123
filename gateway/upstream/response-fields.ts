import { CREDENTIAL_POSITION_HEADER, REQUEST_ID_HEADER } from '#contract/identity.ts'
import { foldName } from '../headers/names.ts'
import { createFieldNames, type FieldName, type FieldNames } from './field-names.ts'

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

export type ResponseFieldName = FieldName<ResponseRole>
export type ResponseFieldNames = FieldNames<ResponseRole>

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

export function createResponseFieldNames(): ResponseFieldNames {
  return createFieldNames((lower) => {
    const role = ROLES.get(lower)
    if (role !== undefined) return role
    const folded = foldName(lower)
    const withheld =
      ROLES.has(folded) ||
      HOP_BY_HOP.includes(folded) ||
      WITHHELD.includes(folded) ||
      WITHHELD_PREFIXES.some((prefix) => folded.startsWith(prefix))
    return withheld ? 'withheld' : 'end-to-end'
  })
}

/** A response's fields, names and values side by side. */
export type ReceivedFields = {
  names: ResponseFieldName[]
  values: string[]
  /** What `Connection` names, in lower case; undefined in the usual case that it names nothing. */
  connectionNames: string[] | undefined
}

/** The end-to-end fields of a response, flat, followed by `added`. Framing is left to the caller. */
export function relayedFields(head: ReceivedFields, added: readonly string[]): string[] {
  const { names, values, connectionNames } = head
  const fields: string[] = []
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!
    if (name.role !== 'end-to-end') continue
    if (connectionNames?.includes(name.lower)) continue
    fields.push(name.raw, values[i]!)
  }
  for (const text of added) fields.push(text)
  return fields
}
