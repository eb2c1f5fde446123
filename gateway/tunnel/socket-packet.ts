import { AUTH_EVENTS, CONNECT_IDENTITY_KEY, type SocketAuth } from '#contract/socket-auth.ts'
import { foldName } from '../headers/names.ts'
import { isRecord, type Presented, readCredentials } from './presented-credentials.ts'

/**
 * The packets that are exchanged: what they ask, and the text that the core gets instead. The text form is the
 * same for EIO3 and EIO4, on WebSocket and inside long-polling bodies. All pure; nothing throws, whatever the text.
 */
export type ExchangePacket =
  | { kind: 'event'; event: string; ackId: string; presented: Presented }
  /** `rest` is the payload without what is ours; `presented` undefined: nothing to exchange. */
  | {
      kind: 'connect'
      rest: Record<string, unknown> | undefined
      presented: Presented | undefined
      unchanged: boolean
    }
  /** A CONNECT to another namespace, which gets no payload. */
  | { kind: 'foreign-connect'; namespace: string }

const EVENT = /^42(\d{0,20})\[/
const MAX_NAMESPACE = 256

/**
 * Reads a packet that the grammar judged `connect` or `authenticate`; undefined = the core could not read it.
 */
export function parseExchangePacket(text: string): ExchangePacket | undefined {
  if (text.startsWith('40/')) return parseForeignConnect(text)
  if (text.startsWith('40')) return parseConnect(text)
  const ackId = EVENT.exec(text)?.[1]
  if (ackId === undefined) return undefined
  const values = parseJson(text.slice(2 + ackId.length))
  if (!Array.isArray(values)) return undefined
  const [event, token, headers] = values
  if (!AUTH_EVENTS.includes(event)) return undefined
  return { kind: 'event', event, ackId, presented: readArguments(token, headers) }
}

/** What the core gets in place of an `auth` event: the same event, the same ack id, one argument. */
export function rewriteEvent(packet: { event: string; ackId: string }, socketAuth: SocketAuth): string {
  return `42${packet.ackId}${JSON.stringify([packet.event, socketAuth])}`
}

/** What the core gets in place of a CONNECT; without an identity the socket stays anonymous. */
export function rewriteConnect(
  rest: Record<string, unknown> | undefined,
  signed: string | undefined,
): string {
  if (signed === undefined) return rest === undefined ? '40' : `40${JSON.stringify(rest)}`
  return `40${JSON.stringify({ ...rest, [CONNECT_IDENTITY_KEY]: signed })}`
}

/**
 * EIO3 clients put their payload into the namespace's query, which the core reads as they would the CONNECT's; so
 * a query is a payload too.
 */
function parseForeignConnect(text: string): ExchangePacket | undefined {
  const namespace = /^[^,?]*/.exec(text.slice(2))?.[0] ?? ''
  return namespace.length > MAX_NAMESPACE ? undefined : { kind: 'foreign-connect', namespace }
}

function parseConnect(text: string): ExchangePacket | undefined {
  const payload = parseJson(text.slice(2))
  if (!isRecord(payload)) return undefined
  const { presented, others } = readCredentials(payload, { plainToken: true })
  const rest = others.filter(([key]) => !foldName(key).startsWith(CONNECT_IDENTITY_KEY))
  const unchanged = rest.length === Object.keys(payload).length
  return {
    kind: 'connect',
    // `fromEntries` defines, so that a key `__proto__` stays a key.
    rest: rest.length === 0 && !unchanged ? undefined : Object.fromEntries(rest),
    presented,
    unchanged,
  }
}

function readArguments(token: unknown, headers: unknown): Presented {
  if (token !== undefined && token !== null && typeof token !== 'string') return { refused: 'BAD_REQUEST' }
  if (headers !== undefined && headers !== null && !isRecord(headers)) return { refused: 'BAD_REQUEST' }
  const { presented } = readCredentials(headers ?? {}, { tokenArgument: token ?? undefined })
  return presented ?? { refused: 'MISSING_CREDENTIALS' }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
